"""Named random streams: one Philox generator per decision, addressed by seed, name and step."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


class Streams:
    """The randomness of one run; equal (seed, name, step) give equal numbers whatever else is drawn.

    Each call returns a fresh generator whose counter starts at the step, so a stream can be read at any step in any
    order, a skipped draw moves nothing, and a longer draw begins with the shorter one (Salmon et al. 2011, Philox).
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._keys: dict[str, NDArray[np.uint64]] = {}

    def key(self, name: str) -> NDArray[np.uint64]:
        """The stream's 128-bit Philox key, shape (2,)."""
        if name not in self._keys:
            digest = hashlib.blake2b(f"{self.seed}/{name}".encode(), digest_size=16).digest()
            self._keys[name] = np.frombuffer(digest, dtype="<u8").astype(np.uint64)
        return self._keys[name]

    def at(self, name: str, step: int = 0) -> np.random.Generator:
        """A generator for `name` at `step`; draw everything the decision needs in one call per distribution."""
        return np.random.Generator(np.random.Philox(key=self.key(name), counter=[0, 0, step, 0]))

    def priority(self, name: str, step: int, *parts: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Counter-based priority keys (n,): a hash of stream, step and the given integer columns, free of order.

        SplitMix64 finaliser (Steele et al. 2014) applied once per column.
        """
        mixed: NDArray[np.uint64] = self.key(name)[0] ^ _splitmix(np.asarray([step], dtype=np.uint64))
        for part in parts:
            mixed = _splitmix(mixed ^ np.asarray(part).astype(np.uint64))
        return mixed


def _splitmix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
