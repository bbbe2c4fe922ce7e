"""How much was traded lately: the volume that paced and throttled selling is measured against."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.kernels.settle import tally
from abm.market.order import Fills, Reason

Ints = NDArray[np.int64]


class Turnover:
    """Lots traded in the last steps on every instrument, those of forced orders apart; one for all houses of a market.

    Idle, and empty, where no house asks for a window.
    """

    def __init__(self, n_instruments: int, *, steps: int = 0, step_seconds: float = 1.0) -> None:
        self._lots = np.zeros((max(steps, 1), 3, n_instruments), dtype=np.int64)  # all, forced and unused, by step
        self._row, self.step_seconds, self.idle = 0, step_seconds, steps == 0
        self._sent = np.zeros(n_instruments, dtype=np.int64)  # forced, in this step, not traded yet

    @classmethod
    def over(cls, policies: Iterable[Any], n_instruments: int, step_seconds: float) -> Turnover:
        """With a memory as long as the longest window of `policies`."""
        rules = [getattr(policy, name, None) for policy in policies for name in ("slicing", "throttle")]
        window = max((getattr(rule, "window", 0.0) for rule in rules), default=0.0)
        return cls(n_instruments, steps=_steps(window, step_seconds), step_seconds=step_seconds)

    def note(self, fills: Fills) -> None:
        """Take in fills (n,) FILL of the step under way."""
        if not self.idle:
            traded, forced, unused = self._lots[self._row]
            tally(fills, int(Reason.FORCED), traded, forced, unused)

    def send(self, lots: Ints) -> None:
        """Forced orders of `lots` (n_instruments,) >= 0 go to the books in this step."""
        self._sent += lots

    def advance(self) -> None:
        """The step is over."""
        self._row = (self._row + 1) % len(self._lots)
        self._lots[self._row], self._sent[:] = 0, 0

    def room(self, share: float, window: float) -> Ints:
        """Lots (n_instruments,) that forced orders may still take: `share` of what was traded in the last `window`
        seconds, the step under way included, but at least one, less what they took then and were sent now."""
        steps = min(_steps(window, self.step_seconds), len(self._lots))
        recent = self._lots[(self._row - np.arange(steps)) % len(self._lots)].sum(axis=0)
        allowed = np.maximum(np.floor(share * recent[0]).astype(np.int64), 1)
        return np.asarray(np.maximum(allowed - recent[1] - self._sent, 0))


def _steps(window: float, step_seconds: float) -> int:
    """Whole steps in `window` seconds."""
    return int(round(window / step_seconds, 9))
