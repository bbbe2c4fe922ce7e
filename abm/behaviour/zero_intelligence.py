"""Zero-intelligence liquidity: random market orders, limit orders and cancels that keep a book alive."""

from __future__ import annotations

from typing import Literal

import numpy as np

from abm.behaviour.decision import middle
from abm.behaviour.view import Draws, Rows, View
from abm.kernels.decide import noise
from abm.market.order import ORDER, OrderBatch, no_orders
from abm.record import Record, param


class ZeroIntelligence(Record):
    """Poisson orders without an opinion (Daniels, Farmer, Gillemot, Iori & Smith 2003), bounded by a small purse.

    A decision picks one instrument, cancels what the trader has there, and sends nothing, a limit order or a market order.
    The chance to buy is (1 - position / limit) / 2, so inventories return to zero. Market orders carry a price
    protection, as venues give them. Limit prices lie offset x u / (1 - u) behind the mid, a law whose tail, exponent 1, is
    between those of Bouchaud, Mezard & Potters 2002 (0.6) and Zovko & Farmer 2002 (1.5). Sizes are Pareto with exponent 2.
    """

    kind: Literal["zero_intelligence"] = "zero_intelligence"
    count: int = param(600, unit="traders", source="choice", help="Number of noise traders.", ge=0)
    capital_share: float = param(
        0.05, unit="share of open interest", source="choice", help="Joint cash over one-sided open interest.", ge=0
    )
    market_per_hour: float = param(
        12.0, unit="1/h", source="choice", help="Market orders per trader, over all instruments.", ge=0
    )
    limit_per_hour: float = param(24.0, unit="1/h", source="choice", help="Limit orders per trader, over all instruments.", ge=0)
    cancel_per_hour: float = param(12.0, unit="1/h", source="choice", help="Bare cancels per trader, over all instruments.", ge=0)
    offset: float = param(
        0.0006, unit="share of price", source="choice: twice the makers' half-spread",
        help="Median distance of limit orders from the mid, times the volatility ratio.", ge=0, lt=1,
    )
    offset_max: float = param(
        0.05, unit="share of price", source="choice: the makers' reach", help="Largest distance.", ge=0, lt=1
    )
    size_share: float = param(0.2, unit="share of limit", source="choice", help="Mean order before caps.", gt=0, le=1)
    protection: float = param(0.02, unit="share of price", source="choice", help="Worst price of market orders.", ge=0, lt=1)

    def decide(self, view: View, rows: Rows, draws: Draws) -> OrderBatch:
        """At most one cancel and one order of each trader whose clock rings."""
        rate = self.market_per_hour + self.limit_per_hour + self.cancel_per_hour
        chance = view.probability(rate)
        event = draws.uniform("act", rows)
        awake = np.flatnonzero(event < chance)
        if awake.size == 0:
            return no_orders()
        if awake.size < len(rows):
            rows, event = rows[awake], event[awake]
        market = np.stack((middle(view), view.volatility_ratio, view.instruments.ladder_ticks - 1.0), axis=1)
        edges = np.array((self.market_per_hour, self.market_per_hour + self.limit_per_hour)) / rate * chance
        rule = np.array((*edges, self.offset, self.offset_max, self.protection, 0.5 * self.size_share))
        order, price, size = (draws.uniform(name, rows) for name in ("order", "price", "size"))
        position = view.position
        batch = np.empty(2 * len(rows), dtype=ORDER)
        n = noise(
            rows, event, order, price, size,
            position.backing, view.state, position.table, view.open_buy.table, view.open_sell.table,
            view.traders.limit, market, rule, batch,
        )  # fmt: skip
        return batch[:n]
