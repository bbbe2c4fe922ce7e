"""Perpetual funding: longs pay shorts (or are paid) so that the contract stays near its index."""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import NDArray

from abm.record import Record, param


class Funding(Record):
    """Premium-plus-interest funding with a clamp, paid at every interval."""

    interval: float = param(
        3600.0,
        unit="s",
        source="Hyperliquid docs, Funding: hourly payment of an 8-hour rate",
        help="Time between payments.",
        gt=0,
    )
    interest: float = param(
        0.0001,
        unit="share per 8 h",
        source="Binance and Hyperliquid: 0.01 % per 8 h",
        help="Interest component.",
        ge=-0.01,
        le=0.01,
    )
    clamp: float = param(
        0.0005, unit="share per 8 h", source="Binance: +-0.05 %", help="Largest pull of the interest component.", ge=0, le=0.01
    )
    cap: float = param(
        0.04,
        unit="share per hour",
        source="Hyperliquid docs, Funding: 4 % per hour",
        help="Largest rate either way.",
        ge=0,
        le=0.1,
    )


class FundingClock:
    """Averages the premium over an interval and names the rate when it is due."""

    def __init__(self, rule: Funding, n_instruments: int, step_seconds: float) -> None:
        self.rule = rule
        self.every = ceil(round(rule.interval / step_seconds, 9))  # steps
        self._premium = np.zeros(n_instruments)
        self._seen = 0

    def observe(self, bid: NDArray[np.int64], ask: NDArray[np.int64], index: NDArray[np.float64]) -> None:
        """Add one step's premium: best bid above the index less index above best ask; an empty side counts nothing."""
        rich = np.where(bid > 0, np.maximum(0.0, bid - index), 0.0)
        cheap = np.where(ask > 0, np.maximum(0.0, index - ask), 0.0)
        self._premium += (rich - cheap) / index
        self._seen += 1

    def due(self) -> NDArray[np.float64] | None:
        """Share of notional that longs pay now (n_instruments,), or None between payments."""
        if self._seen < self.every:
            return None
        premium = self._premium / self._seen
        self._premium[:], self._seen = 0.0, 0
        eight_hours = premium + np.clip(self.rule.interest - premium, -self.rule.clamp, self.rule.clamp)
        hours = self.rule.interval / 3600.0
        return np.clip(eight_hours * hours / 8.0, -self.rule.cap * hours, self.rule.cap * hours)
