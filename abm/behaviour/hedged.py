"""Hedged pairs: long one asset, short its correlate; the hedge that cross margin protects in small moves."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from abm.behaviour.decision import acting, notional, take, whole
from abm.behaviour.leverage import Leveraged
from abm.behaviour.view import Draws, Rows, View
from abm.market.order import OrderBatch, Reason
from abm.record import param


class HedgedPair(Leveraged):
    """A leveraged pair whose owner cuts the larger leg when the legs have drifted apart: the strategy channel.

    At the opening the short leg has `hedge` x the long leg's notional: the ratio of volatilities, times the correlation
    for the minimum-variance beta. Off: `count = 0`, or `rebalance = false`, which holds both legs whatever happens.
    """

    kind: Literal["hedged_pair"] = "hedged_pair"
    count: int = param(150, unit="traders", source="choice", help="Number of pair traders.", ge=0)
    open_interest_share: float = param(
        0.02,
        unit="share of open interest",
        source="choice of regime, swept: at 5 % mended hedges alone spread a fall, without any shared collateral",
        help="Long legs over one-sided open interest.",
        ge=0,
        le=1,
    )
    hedge: Literal["beta", "volatility"] = param("beta", unit="1", source="choice", help="Hedge ratio at the opening.")
    rebalance: bool = param(True, unit="1", source="choice", help="Whether a broken hedge is mended.")
    activity_per_hour: float = param(12.0, unit="1/h", source="choice", help="Reviews of the hedge.", ge=0)
    band: float = param(0.1, unit="share of a leg", source="choice", help="Drift of the legs below this is left.", ge=0)
    protection: float = param(0.02, unit="share of price", source="choice", help="Worst price beyond the mid.", ge=0, lt=1)

    def decide(self, view: View, rows: Rows, draws: Draws) -> OrderBatch:
        """Reduce-only IOC orders that bring the larger leg back to the ratio of the opening."""
        rows = acting(view, rows, draws, name="act", per_hour=self.activity_per_hour if self.rebalance else 0.0)
        opening, position = view.traders.opening[rows], view.position(rows)
        at_opening = np.abs(opening) * (view.instruments.opening_tick * view.instruments.unit).astype(np.float64)
        now = np.where(np.sign(position) == np.sign(opening), notional(view, position), 0.0)
        is_long, is_short = opening > 0, opening < 0
        ratio = _sum(at_opening, is_short) / np.maximum(_sum(at_opening, is_long), 1.0)
        want_short = _sum(now, is_long) * ratio  # notional of the short leg that the long leg calls for
        short = _sum(now, is_short)
        shrink_short = np.where(short > want_short * (1.0 + self.band), want_short / np.maximum(short, 1.0), 1.0)
        shrink_long = np.where(want_short > short * (1.0 + self.band), short / np.maximum(want_short, 1.0), 1.0)
        factor = np.where(is_short, shrink_short[:, None], np.where(is_long, shrink_long[:, None], 1.0))
        gap = np.where(now > 0, whole(position * factor) - position, 0)
        return take(view, rows, gap, protection=self.protection, reason=Reason.HEDGE, reduce_only=1)


def _sum(amount: NDArray[np.float64], where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(k,) sum over the instruments chosen by `where`."""
    return np.asarray(np.where(where, amount, 0.0).sum(axis=1))
