"""What every trader can compute from past prices: trends over stated horizons and recent volatility."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

_DAY = 86_400.0


class Signals:
    """Moving averages of the index, advanced once a step; arrays are per instrument so that nothing mixes assets."""

    def __init__(
        self,
        opening: NDArray[np.float64],
        *,
        volatility_daily: NDArray[np.float64],
        horizons: tuple[float, ...],
        memory: float,
        step_seconds: float,
    ) -> None:
        """`opening` (n_instruments,) ticks; `volatility_daily` (n_instruments,) the normal level; `horizons` half-lives in
        seconds of the trend averages, `memory` the half-life of the volatility average."""
        self._average = np.tile(opening, (len(horizons), 1))
        self._gain = 1.0 - 2.0 ** (-step_seconds / np.asarray(horizons)[:, None])
        self._normal = volatility_daily**2 * (step_seconds / _DAY)
        self._variance = self._normal.copy()
        self._volatility_gain = 1.0 - 2.0 ** (-step_seconds / memory)
        self._last = opening.copy()
        self.trend = np.zeros_like(self._average)  # (n_horizons, n_instruments), index over its average - 1
        self.volatility_ratio = np.ones(len(opening))  # (n_instruments,), recent over normal volatility

    def advance(self, index: NDArray[np.float64]) -> None:
        """Take in the step's index (n_instruments,), ticks."""
        change = index / self._last - 1.0
        self._last = index.copy()
        self._variance += self._volatility_gain * (change * change - self._variance)
        self.volatility_ratio = np.array(
            [sqrt(v / n) if n > 0 else 1.0 for v, n in zip(self._variance, self._normal, strict=True)]
        )
        self._average += self._gain * (index - self._average)
        self.trend = index / self._average - 1.0
