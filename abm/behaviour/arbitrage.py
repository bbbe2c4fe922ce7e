"""Cross-venue arbitrage: buys an asset where it is cheap and sells it where it is dear, with finite, slow capital."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from abm.behaviour.decision import acting, take, whole
from abm.behaviour.view import Draws, Rows, View
from abm.market.instrument import Instruments
from abm.market.order import Kind, OrderBatch, Reason, Side, joined, orders
from abm.record import Record, param


class Arbitrage(Record):
    """Trades a gap between venues that exceeds fees and a profit; both legs are IOC and each alone pays.

    A gap leaves it long here and short there up to its limits. Capital moves between venues after a Poisson delay of mean
    `transfer_seconds`; only then are matched legs closed, so gaps persist while the arbitrageurs are full.
    With a single venue it does nothing. Not suitable for assets whose lots differ in size between venues.
    """

    kind: Literal["arbitrage"] = "arbitrage"
    count: int = param(20, unit="traders", source="choice", help="Number of arbitrageurs.", ge=0)
    capital_share: float = param(0.02, unit="share of open interest", source="choice, swept", help="Joint capital.", ge=0)
    profit_min: float = param(0.0005, unit="share of price", source="choice", help="Gap wanted beyond the fees.", ge=0, lt=1)
    fee_rate: float = param(
        0.0005, unit="share of notional", source="taker fees of 2-5 bp", help="Fee expected per leg.", ge=0, lt=1
    )
    size_share: float = param(0.2, unit="share of limit", source="choice", help="Largest trade of one decision.", gt=0, le=1)
    activity_per_hour: float = param(240.0, unit="1/h", source="choice: mean delay 15 s", help="Decisions per trader.", ge=0)
    transfer_seconds: float = param(
        1800.0, unit="s", source="minutes to hours across venues", help="Mean delay of capital.", gt=0
    )
    protection: float = param(0.005, unit="share of price", source="choice", help="Worst price when closing legs.", ge=0, lt=1)

    def decide(self, view: View, rows: Rows, draws: Draws) -> OrderBatch:
        """Both legs of open gaps for those who act, and closing orders of those whose capital has arrived."""
        pairs = self._gaps(view)
        acts = acting(view, rows, draws, name="act", per_hour=self.activity_per_hour)
        moved = acting(view, rows, draws, name="transfer", per_hour=3600.0 / self.transfer_seconds)
        opened = [self._open(view, acts, cheap, dear) for cheap, dear in pairs]
        return joined([*opened, self._close(view, moved, pairs)])

    def _gaps(self, view: View) -> list[tuple[int, int]]:
        """(cheap, dear) instruments of every asset whose best bid on one venue exceeds the best offer on another."""
        size, found = view.instruments.tick_size, []
        for same in listings(view.instruments):
            offers = np.where(view.ask[same] > 0, view.ask[same] * size[same], np.inf)
            bids = view.bid[same] * size[same]
            cheap, dear = int(np.argmin(offers)), int(np.argmax(bids))
            if bids[dear] > offers[cheap] * (1.0 + 2.0 * self.fee_rate + self.profit_min):
                found.append((int(same[cheap]), int(same[dear])))
        return found

    def _open(self, view: View, rows: Rows, cheap: int, dear: int) -> OrderBatch:
        """Buy `cheap`, sell `dear`, each no worse than half-way less its own fee and half the profit."""
        size, limit, position = view.instruments.tick_size, view.traders.limit[rows], view.position(rows)
        room = np.minimum(limit[:, cheap] - position[:, cheap], limit[:, dear] + position[:, dear])
        most = whole(self.size_share * np.minimum(limit[:, cheap], limit[:, dear]))
        lots = np.where(view.frozen(rows)[:, [cheap, dear]].any(axis=1), 0, np.clip(room, 0, most))
        half_way = 0.5 * (view.ask[cheap] * size[cheap] + view.bid[dear] * size[dear])
        cost = self.fee_rate + 0.5 * self.profit_min
        buy = int(np.floor(half_way * (1.0 - cost) / size[cheap]))
        sell = int(np.ceil(half_way * (1.0 + cost) / size[dear]))
        who = np.flatnonzero(lots)
        common: dict[str, Any] = {"trader": rows[who], "lots": lots[who], "kind": Kind.IOC, "reason": Reason.ARBITRAGE}
        bought = orders(instrument=cheap, side=Side.BUY, tick=buy, **common)
        return joined((bought, orders(instrument=dear, side=Side.SELL, tick=sell, **common)))

    def _close(self, view: View, rows: Rows, gaps: list[tuple[int, int]]) -> OrderBatch:
        """Close the matched part of the legs in every asset that has no gap now."""
        position = view.position(rows)
        lots = np.zeros_like(position)
        open_assets = {int(view.instruments.asset[cheap]) for cheap, _ in gaps}
        for same in listings(view.instruments):
            if int(view.instruments.asset[same[0]]) not in open_assets:
                lots[:, same] = -_matched(position[:, same])
        return take(view, rows, lots, protection=self.protection, reason=Reason.ARBITRAGE, reduce_only=1)


def listings(instruments: Instruments) -> list[NDArray[np.int64]]:
    """The instruments of every asset that trades on more than one venue."""
    groups = [np.flatnonzero(instruments.asset == asset) for asset in np.unique(instruments.asset)]
    return [group for group in groups if len(group) > 1]


def _matched(position: NDArray[np.int64]) -> NDArray[np.int64]:
    """(k, n_venues) the part of each leg that an opposite leg elsewhere offsets, venues in order."""
    longs, shorts = np.maximum(position, 0), np.maximum(-position, 0)
    matched = np.minimum(longs.sum(axis=1), shorts.sum(axis=1))[:, None]
    before = [np.cumsum(side, axis=1) - side for side in (longs, shorts)]
    part = [np.clip(matched - prior, 0, side) for prior, side in zip(before, (longs, shorts), strict=True)]
    return np.asarray(part[0] - part[1])
