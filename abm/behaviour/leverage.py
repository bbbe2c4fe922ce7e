"""Leveraged books: what the records of crowd and pairs have in common about size, leverage and margin at the opening."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.record import Record, param


class Leveraged(Record):
    """Heavy-tailed sizes and an explicit distribution of the buffer above maintenance, which drives everything.

    collateral = (m + b) x gross x collateral_scale with buffer b = max(1 / L - m, buffer_min), m the account's maintenance
    margin and L a log-normal leverage, capped by what initial margin allows.
    """

    size_tail: float = param(
        1.4, unit="1", source="choice; ADL on Hyperliquid, 10 Oct 2025: 0.76", help="Pareto exponent of gross size.", gt=1
    )
    size_quantile: float = param(
        0.99,
        unit="1",
        source="choice: no one account decides a run",
        help="The Pareto law is truncated at this quantile.",
        ge=0,
        lt=1,
    )
    leverage_median: float = param(
        5.0, unit="1", gt=0, help="Median of account leverage.",
        source="choice of regime, swept: at 7 a fall of 3 % already cascades, which real majors suffer without one",
    )  # fmt: skip
    leverage_sigma: float = param(0.9, unit="1", source="choice, swept", help="Standard deviation of log leverage.", ge=0)
    buffer_min: float = param(
        0.03, unit="share of gross", ge=0, lt=1, help="Least buffer above maintenance.",
        source="choice: the median day's range of a major is about 3 %, thinner accounts did not live to see the opening",
    )  # fmt: skip
    collateral_scale: float = param(
        1.0, unit="1", source="sweep variable", help="All collateral times this, positions fixed.", gt=0
    )

    def sizes(self, uniform: NDArray[np.float64]) -> NDArray[np.float64]:
        """(k,) relative gross sizes, at least 1: the truncated Pareto law at `uniform` (k,)."""
        return np.asarray((1.0 - self.size_quantile * uniform) ** (-1.0 / self.size_tail))

    def leverages(self, normal: NDArray[np.float64]) -> NDArray[np.float64]:
        """(k,) wished leverage: the log-normal law at `normal` (k,)."""
        return np.asarray(self.leverage_median * np.exp(self.leverage_sigma * normal))

    def margins(
        self, leverage: NDArray[np.float64], leverage_cap: NDArray[np.float64], maintenance: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(k,) collateral per gross notional, from wished leverage, its cap, and maintenance margin per gross (all (k,))."""
        buffer = np.maximum(1.0 / np.minimum(leverage, leverage_cap) - maintenance, self.buffer_min)
        return (maintenance + buffer) * self.collateral_scale
