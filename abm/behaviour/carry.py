"""Leveraged carry: the crowded longs (and some shorts) that funding, fashion and leverage have brought together."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from abm.behaviour.decision import acting, notional, take, whole
from abm.behaviour.leverage import Leveraged
from abm.behaviour.view import Draws, Rows, View
from abm.market.order import OrderBatch, Reason, joined, no_orders
from abm.record import param


class Carry(Leveraged):
    """Holders of opening positions who resize toward their opening leverage, cut when afraid, or simply hold.

    `sizing = "fixed"` with `deleverage_per_hour = 0` holds the opening lots whatever happens; `"equity"` keeps
    leverage x equity over *all* accounts of the trader (the trader-wealth channel; leverage targeting as in Thurner,
    Farmer & Geanakoplos 2012). The fear of `deleverage_per_hour` reads that total equity too.
    """

    kind: Literal["carry"] = "carry"
    count: int = param(
        800, unit="traders", source="choice: smooth enough a law of buffers", help="Number of leveraged accounts' owners.", ge=0
    )
    open_interest_share: float = param(
        0.7,
        unit="share of open interest",
        source="choice of regime",
        help="Long lots of the crowd in each instrument.",
        ge=0,
        le=1,
    )
    long_share: float = param(
        0.85,
        unit="share of legs",
        source="10 Oct 2025: 84-91% of liquidations were longs",
        help="Chance that a leg is long.",
        ge=0,
        le=1,
    )
    legs_max: int = param(4, unit="assets", source="choice", help="An owner holds one to this many assets, equally likely.", ge=1)
    sizing: Literal["fixed", "equity"] = param(
        "fixed", unit="1", source="choice", help="Hold lots, or keep leverage on total equity."
    )
    activity_per_hour: float = param(6.0, unit="1/h", source="choice", help="Resizing reviews (sizing by equity).", ge=0)
    band: float = param(0.2, unit="share of position", source="choice", help="Resizing gaps below this are left.", ge=0)
    growth_max: float = param(2.0, unit="opening lots", source="choice", help="Resizing never adds beyond this.", ge=1)
    deleverage_per_hour: float = param(
        0.0, unit="1/h", source="choice, swept", help="Rate at which the afraid cut to opening leverage.", ge=0
    )
    deleverage_below: float = param(
        0.5,
        unit="share of opening",
        source="choice",
        help="Afraid when equity per gross is below this share of its opening level.",
        ge=0,
        le=1,
    )
    reentry_per_hour: float = param(0.0, unit="1/h", source="choice", help="Rate at which lost positions are bought back.", ge=0)
    protection: float = param(0.02, unit="share of price", source="choice", help="Worst price beyond the mid.", ge=0, lt=1)

    def decide(self, view: View, rows: Rows, draws: Draws) -> OrderBatch:
        """IOC orders of those who cut, resize or re-enter in this step; a trader does one of the three, cutting first."""
        afraid = self._rings(view, rows, draws, name="deleverage", per_hour=self.deleverage_per_hour)
        sizing = self._rings(view, rows, draws, name="act", per_hour=self.activity_per_hour if self.sizing == "equity" else 0.0)
        again = self._rings(view, rows, draws, name="reentry", per_hour=self.reentry_per_hour)
        awake = afraid | sizing | again
        if not awake.any():
            return no_orders()
        rows, afraid, sizing, again = rows[awake], afraid[awake], sizing[awake], again[awake]
        position, equity = view.position(rows), np.maximum(view.equity(rows), 0).astype(np.float64)
        opening, leverage = view.traders.opening[rows], view.traders.leverage[rows]
        scale = leverage * equity / np.maximum(notional(view, position).sum(axis=1), 1.0)
        afraid &= scale < self.deleverage_below
        resize = ~afraid & sizing & (np.abs(scale - 1.0) > self.band)
        roof = np.maximum(np.abs(position), whole(self.growth_max * np.abs(opening)))
        resized = np.clip(whole(position * scale[:, None]), -roof, roof)
        target = np.where((afraid | resize)[:, None], resized, position)
        lost = (again & ~afraid & ~resize)[:, None] & (np.abs(position) < np.abs(opening))
        whole_book = np.minimum(1.0, leverage * equity / np.maximum(notional(view, opening).sum(axis=1), 1.0))
        restored = whole(opening * whole_book[:, None])
        target = np.where(lost & (np.abs(restored) > np.abs(position)), restored, target)
        return self._trade(view, rows, position, target)

    def _trade(self, view: View, rows: Rows, position: NDArray[np.int64], target: NDArray[np.int64]) -> OrderBatch:
        gap = target - position
        cut = np.abs(target) < np.abs(position)
        less = take(view, rows, np.where(cut, gap, 0), protection=self.protection, reason=Reason.SELF_DELEVERAGING, reduce_only=1)
        return joined((less, take(view, rows, np.where(cut, 0, gap), protection=self.protection)))

    @staticmethod
    def _rings(view: View, rows: Rows, draws: Draws, *, name: str, per_hour: float) -> NDArray[np.bool_]:
        if per_hour == 0:
            return np.zeros(len(rows), dtype=np.bool_)
        return np.isin(rows, acting(view, rows, draws, name=name, per_hour=per_hour))
