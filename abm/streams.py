"""Named random streams: one Philox generator per decision, addressed by seed, name and step."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Streams:
    """The randomness of one run; equal (seed, name, step) give equal numbers whatever else is drawn.

    A generator's counter starts at the step, so a stream can be read at any step in any order, a skipped draw moves
    nothing, and a longer draw begins with the shorter one (Salmon et al. 2011, Philox).
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._keys: dict[str, NDArray[np.uint64]] = {}
        self._made: dict[str, tuple[np.random.Generator, Any]] = {}  # generator and its state at step 0

    def key(self, name: str) -> NDArray[np.uint64]:
        """The stream's 128-bit Philox key, shape (2,)."""
        if name not in self._keys:
            digest = hashlib.blake2b(f"{self.seed}/{name}".encode(), digest_size=16).digest()
            self._keys[name] = np.frombuffer(digest, dtype="<u8").astype(np.uint64)
        return self._keys[name]

    def at(self, name: str, step: int = 0) -> np.random.Generator:
        """The generator of `name`, wound to `step`; draw everything the decision needs in one call per distribution.

        It is the same object whenever the name is asked for: winding costs a tenth of making one.
        """
        if name not in self._made:
            philox = np.random.Philox(key=self.key(name))
            self._made[name] = np.random.Generator(philox), philox.state
        generator, start = self._made[name]
        start["state"]["counter"][2] = step
        generator.bit_generator.state = start
        return generator

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
    high = x >> np.uint64(30)
    x ^= high
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= np.right_shift(x, np.uint64(27), out=high)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= np.right_shift(x, np.uint64(31), out=high)
    return x
