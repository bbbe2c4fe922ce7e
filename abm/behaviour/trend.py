"""Trend followers: they hold a bounded position in the direction the price has been moving."""

from __future__ import annotations

from typing import Literal

import numpy as np

from abm.behaviour.decision import acting, take, whole
from abm.behaviour.view import Draws, Rows, View
from abm.market.order import OrderBatch
from abm.record import Record, param


class Trend(Record):
    """Each trader watches one horizon; its target grows with the trend up to its limit, in cash and unleveraged.

    Target = limit x clip(trend / full_at, -1, 1): a moving-average rule as in Brock & Hommes 1998. Off: `count = 0`.
    """

    kind: Literal["trend"] = "trend"
    count: int = param(60, unit="traders", source="choice", help="Number of trend followers.", ge=0)
    capital_share: float = param(
        0.01, unit="share of open interest", source="choice: a minor part of flow", help="Joint capital.", ge=0, le=10
    )
    horizon_short: float = param(300.0, unit="s", source="choice", help="Half-life watched by half of them.", gt=0)
    horizon_long: float = param(1800.0, unit="s", source="choice", help="Half-life watched by the others.", gt=0)
    full_at: float = param(0.02, unit="1", source="choice", help="Trend at which the position is full.", gt=0, le=1)
    band: float = param(0.25, unit="share of limit", source="choice", help="Gaps to the target below this are left.", ge=0, le=2)
    activity_per_hour: float = param(30.0, unit="1/h", source="choice", help="Decisions per trader.", ge=0)
    protection: float = param(0.02, unit="share of price", source="choice", help="Worst price beyond the mid.", ge=0, lt=1)

    @property
    def horizons(self) -> tuple[float, float]:
        """Half-lives (seconds) of the columns of `View.trend`."""
        return (self.horizon_short, self.horizon_long)

    def decide(self, view: View, rows: Rows, draws: Draws) -> OrderBatch:
        """IOC orders toward the target of those who act."""
        rows = acting(view, rows, draws, name="act", per_hour=self.activity_per_hour)
        limit = view.traders.limit[rows]
        pull = np.clip(view.trend[view.traders.horizon[rows]] / self.full_at, -1.0, 1.0)
        gap = whole(limit * pull) - view.position(rows)
        return take(view, rows, np.where(np.abs(gap) > self.band * limit, gap, 0), protection=self.protection)
