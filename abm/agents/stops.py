"""Stops: orders that rest at the venue until a price passes their level, and traders who close everything after a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from abm.agents.liquidator import immediate
from abm.agents.trader import Group
from abm.behaviour.carry import Carry
from abm.behaviour.leverage import Leveraged
from abm.behaviour.stop_loss import NEVER, StopLoss, levels, passed
from abm.behaviour.view import Legs, View
from abm.market.order import OrderBatch, Reason, no_orders

if TYPE_CHECKING:
    from abm.model import CascadeModel

Ints = NDArray[np.int64]


class Stops:
    """All stops of a run, fixed at the opening: every one goes off once.

    A stop whose book is closed waits until it opens; one whose position the house has seized is gone, as all orders are.
    """

    def __init__(self, model: CascadeModel, rule: StopLoss) -> None:
        self.model, self.rule = model, rule
        leveraged = [group for group in model.groups.values() if isinstance(group.behaviour, Leveraged)]
        chosen = leveraged if rule.share or rule.trader_share else []
        self.rows = np.concatenate([np.zeros(0, dtype=np.int64), *(group.rows for group in chosen)])
        self._side = np.sign(model.exchange.traders.opening[self.rows])
        self.level = np.zeros_like(self._side)  # (k, n_instruments), ticks
        self.floor = np.zeros(len(self.rows), dtype=np.float64)  # (k,), cash units of equity at which traders give up
        self._gives_up = np.zeros(len(self.rows), dtype=np.bool_)
        self._holds = np.zeros(self._side.shape, dtype=np.bool_)  # positions that giving up will still close
        first = 0
        for group in chosen:
            self._place(group, slice(first, first + group.count))
            first += group.count

    def act(self, view: View) -> OrderBatch:
        """Orders of the stops that go off in this step."""
        if not len(self.rows):
            return no_orders()
        open_ = ~self.model.exchange.breakers.halts.closed
        price = view.mark if self.rule.trigger == "mark" else view.last
        off = passed(self.level, self._side, price) & open_
        self.level[off] = NEVER
        if self.rule.trader_share:
            self._gives_up |= self._holds.any(axis=1) & (view.equity(self.rows) <= self.floor)
            gone = self._holds & self._gives_up[:, np.newaxis] & open_
            self._holds[gone] = False
            off |= gone
        position = view.position(self.rows)
        j, i = np.nonzero(off & (np.sign(position) == self._side) & (position != 0) & ~view.frozen(self.rows))
        if not len(j):
            return no_orders()
        return immediate(
            view.mark,
            self.rule.limit,
            ladder=view.instruments.ladder_ticks,
            trader=self.rows[j],
            instrument=i,
            lots=-position[j, i],
            reason=Reason.STOP,
            reduce_only=1,
        )

    def release(self, row: int) -> None:
        """The trader of `row` decides for itself from now on."""
        mine = self.rows == row
        self.level[mine], self._holds[mine] = NEVER, False

    def _place(self, group: Group, place: slice) -> None:
        """Draw who of `group` has stops, and where."""
        exchange, rule, rows = self.model.exchange, self.rule, group.rows
        if isinstance(group.behaviour, Carry):
            has = exchange.streams.at(f"opening.{group.name}.stop").random(group.count) < rule.share
            uniform = exchange.streams.at(f"opening.{group.name}.stop_distance").random(self._side[place].shape)
            self.level[place] = np.where(has[:, np.newaxis], self._levels(rows, rule.distances(uniform)), NEVER)
        has = exchange.streams.at(f"opening.{group.name}.trader_stop").random(group.count) < rule.trader_share
        self._holds[place] = has[:, np.newaxis] & (self._side[place] != 0)
        self.floor[place] = (1.0 - rule.trader_loss) * exchange.owner_equity()[rows]

    def _levels(self, rows: Ints, distance: NDArray[np.float64]) -> Ints:
        exchange = self.model.exchange
        lots, price = exchange.traders.opening[rows], exchange.price
        alone = Legs(exchange.alone(np.arange(len(exchange.ledger))), exchange.accounts.backing)(rows)
        return levels(lots, exchange.stake[rows], alone, price=price, tick=exchange.instruments.opening_tick, distance=distance)
