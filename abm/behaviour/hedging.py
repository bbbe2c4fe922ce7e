"""Hedgers: the low-leverage other side of the crowd (basis and hedging accounts whose spot leg is elsewhere)."""

from __future__ import annotations

from typing import Literal

import numpy as np

from abm.behaviour.decision import acting, take
from abm.behaviour.view import Draws, Rows, View
from abm.market.order import OrderBatch
from abm.record import Record, param


class Hedging(Record):
    """Holders of whatever open interest the crowd and the pairs leave, on both sides; they rarely restore it.

    Restoring means trading back to the opening lots, which auto-deleveraging or a liquidation took away.
    """

    kind: Literal["hedging"] = "hedging"
    count: int = param(300, unit="traders", source="choice", help="Number of hedgers (0, or at least 2).", ge=0)
    leverage_min: float = param(0.1, unit="1", source="choice", help="Lowest leverage at the opening.", gt=0, le=0.5)
    leverage_max: float = param(
        0.5, unit="1", source="accounts auto-deleveraged on 10 Oct 2025: median 0.4", help="Highest leverage.", gt=0, le=5
    )
    long_share: float = param(
        0.25, unit="share of traders", source="choice", help="Hedgers who hold the long side that the crowd leaves.", ge=0, le=1
    )
    size_tail: float = param(1.4, unit="1", source="as the crowd", help="Pareto exponent of their sizes.", gt=1)
    activity_per_hour: float = param(0.5, unit="1/h", source="choice: rarely", help="Reviews per trader.", ge=0)
    band: float = param(0.1, unit="share of opening lots", source="choice", help="Gaps below this are left.", ge=0)
    protection: float = param(0.01, unit="share of price", source="choice", help="Worst price beyond the mid.", ge=0, lt=1)

    def decide(self, view: View, rows: Rows, draws: Draws) -> OrderBatch:
        """IOC orders back to the opening lots, of those who review."""
        rows = acting(view, rows, draws, name="act", per_hour=self.activity_per_hour)
        opening = view.traders.opening[rows]
        gap = opening - view.position(rows)
        return take(view, rows, np.where(np.abs(gap) > self.band * np.abs(opening), gap, 0), protection=self.protection)
