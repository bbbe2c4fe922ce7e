"""How much was traded lately: the volume that paced and throttled selling is measured against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.clearing.allocate import allocate
from abm.kernels.settle import tally
from abm.market.order import Fills, Reason

Ints = NDArray[np.int64]
Room = Callable[[float, float], Ints]  # `Turnover.room` of one house


class Turnover:
    """Lots traded in the last steps on every instrument, those of forced orders apart; one for all houses of a market.

    Idle, and empty, where no house asks for a window.
    """

    def __init__(self, n_instruments: int, *, n_houses: int = 1, steps: int = 0, step_seconds: float = 1.0) -> None:
        self._lots = np.zeros((max(steps, 1), 3, n_instruments), dtype=np.int64)  # all, forced and unused, by step
        self._row, self.step_seconds, self.idle = 0, step_seconds, steps == 0
        self._claims = np.zeros((n_houses, n_instruments), dtype=np.int64)  # lots of seized accounts

    @classmethod
    def over(cls, policies: Sequence[Any], n_instruments: int, step_seconds: float) -> Turnover:
        """With a memory as long as the longest window of `policies`, one per house."""
        rules = [getattr(policy, name, None) for policy in policies for name in ("slicing", "throttle")]
        window = max((getattr(rule, "window", 0.0) for rule in rules), default=0.0)
        steps = _steps(window, step_seconds)
        return cls(n_instruments, n_houses=len(policies), steps=steps, step_seconds=step_seconds)

    def note(self, fills: Fills) -> None:
        """Take in fills (n,) FILL of the step under way."""
        if not self.idle:
            traded, forced, unused = self._lots[self._row]
            tally(fills, int(Reason.FORCED), traded, forced, unused)

    def claim(self, house: int, lots: Ints) -> None:
        """The seized accounts of `house` hold `lots` (n_instruments,) >= 0: by these the houses share the room."""
        self._claims[house] = lots

    def advance(self) -> None:
        """The step is over."""
        self._row = (self._row + 1) % len(self._lots)
        self._lots[self._row] = 0

    def room(self, share: float, window: float, *, house: int = 0) -> Ints:
        """Lots (n_instruments,) that forced orders of `house` may still take: `share` of what was traded in the last
        `window` seconds, the step under way included, but at least one, less what they took; shared over the houses."""
        steps = min(_steps(window, self.step_seconds), len(self._lots))
        recent = self._lots[(self._row - np.arange(steps)) % len(self._lots)].sum(axis=0)
        allowed = np.maximum(np.floor(share * recent[0]).astype(np.int64), 1)
        free: Ints = np.maximum(allowed - recent[1], 0)
        for j in np.flatnonzero(self._claims.sum(axis=0) > self._claims[house]):
            free[j] = allocate(int(free[j]), self._claims[:, j])[house]
        return free


def _steps(window: float, step_seconds: float) -> int:
    """Whole steps in `window` seconds."""
    return int(round(window / step_seconds, 9))
