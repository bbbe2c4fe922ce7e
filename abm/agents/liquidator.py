"""Liquidators: the venue's own engine, which sells for seized accounts, and the keeper, who sells what it took over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from abm.agents.base import Owner
from abm.clearing.house import House, Slices
from abm.market.order import Kind, OrderBatch, Reason, no_orders, orders

if TYPE_CHECKING:
    from abm.model import CascadeModel


class VenueLiquidator(Owner):
    """The house's engine: cancels a seized account's orders and sells its positions on the book (agent liquidation).

    It also works off what the insurance fund took over.
    """

    def __init__(self, model: CascadeModel, row: int, house: House) -> None:
        super().__init__(model, row)
        self.house = house
        self.slices: Slices | None = None

    def cancels(self) -> OrderBatch:
        """Cancel everything that rests for the accounts in liquidation."""
        seized = self.house.seized()
        if not len(seized):
            return no_orders()
        owner = self.model.ledger.owner[seized]
        return orders(trader=owner, account=seized, instrument=-1, side=1, lots=0, kind=Kind.CANCEL_ALL)

    def act(self) -> OrderBatch:
        """Forced orders of this step."""
        model, rules = self.model, self.house.rules
        if not self.house.liquidates or not len(self.house.seized()):
            return no_orders()
        limit = getattr(rules.liquidation, "limit", 1.0)
        self.slices = self.house.slices(model.tick, model.exchange.price, model.books.depth(model.marks.trading, limit))
        row, instrument = np.nonzero(self.slices.lots)
        lots = self.slices.lots[row, instrument]
        account = self.slices.accounts[row]
        return immediate(
            model.marks.trading,
            limit,
            ladder=model.instruments.ladder_ticks,
            trader=model.ledger.owner[account],
            account=account,
            instrument=instrument,
            lots=-lots,
            reason=Reason.FORCED,
            key=self.slices.key[row],
        )

    def unwind(self) -> OrderBatch:
        """A share of the fund's positions, so that they halve with the stated half-life."""
        rules = self.house.rules
        return work_off(self.model, np.unique(self.house.fund), rules.fund_unwind_half_life, rules.unwind_limit)


class KeeperAgent(Owner):
    """A principal with finite capital: takes weak accounts over at a discount and unwinds them on the book."""

    def __init__(self, model: CascadeModel, row: int, house: House) -> None:
        super().__init__(model, row)
        self.house = house

    def unwind(self) -> OrderBatch:
        """A share of the keeper's positions, so that they halve with the stated half-life."""
        rules = self.house.rules
        return work_off(self.model, np.array([self.house.keeper]), rules.keeper.unwind_half_life, rules.unwind_limit)


def work_off(model: CascadeModel, accounts: NDArray[np.int64], half_life: float, limit: float) -> OrderBatch:
    """Orders that close a share of `accounts`' positions no further than `limit` from the mark."""
    position = model.ledger.position[accounts]
    row, instrument = np.nonzero(position)
    if not len(row):
        return no_orders()
    held = position[row, instrument]
    share = 1.0 - 2.0 ** (-model.step_seconds / half_life)
    lots = np.sign(held) * np.ceil(share * np.abs(held)).astype(np.int64)
    return immediate(
        model.marks.trading,
        limit,
        ladder=model.instruments.ladder_ticks,
        trader=model.ledger.owner[accounts[row]],
        account=accounts[row],
        instrument=instrument,
        lots=-lots,
        reason=Reason.UNWIND,
        key=model.streams.priority("unwind", model.tick, model.ledger.owner[accounts[row]]),
    )


def immediate(
    mark: NDArray[np.int64],
    limit: float,
    *,
    ladder: NDArray[np.int64],
    lots: NDArray[np.int64],
    instrument: NDArray[np.int64],
    **fields: Any,
) -> OrderBatch:
    """IOC orders for signed `lots`, no further than `limit` from the mark and on the `ladder` (n_instruments,) ticks;
    market orders where the limit is 1."""
    side = np.sign(lots)
    reach = mark[instrument] * (1.0 + side * limit)
    return orders(
        instrument=instrument,
        side=side,
        lots=np.abs(lots),
        tick=np.clip(np.where(side > 0, np.floor(reach), np.ceil(reach)), 1, ladder[instrument] - 1).astype(np.int64),
        kind=Kind.MARKET if limit >= 1 else Kind.IOC,
        **fields,
    )
