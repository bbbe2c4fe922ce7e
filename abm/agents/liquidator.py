"""Liquidators: the venue's own engine, which sells for seized accounts, and principals, who sell what they took over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from abm.agents.base import Owner
from abm.clearing.house import House
from abm.clearing.ledger import State
from abm.clearing.liquidation import NoLiquidation
from abm.clearing.liquidation.limit import NO_LIMIT, reach
from abm.clearing.selling import Slices
from abm.clearing.vault import NoVault
from abm.market.order import Kind, OrderBatch, Reason, joined, no_orders, orders

if TYPE_CHECKING:
    from abm.model import CascadeModel


class VenueLiquidator(Owner):
    """The house's engine: cancels a seized account's orders and sells its positions on the book (agent liquidation).

    It also works off what the insurance fund and clearing members took over.
    """

    def __init__(self, model: CascadeModel, row: int, house: House) -> None:
        super().__init__(model, row)
        self.house = house
        self.slices: Slices | None = None

    def cancels(self) -> OrderBatch:
        """Cancel everything that rests for the accounts in liquidation and for those just called."""
        seized = self.house.silenced()
        if not len(seized):
            return no_orders()
        owner = self.model.ledger.owner[seized]
        return orders(trader=owner, account=seized, instrument=-1, side=1, lots=0, kind=Kind.CANCEL_ALL)

    def act(self) -> OrderBatch:
        """Forced orders of this step."""
        model, policy, fees = self.model, self.house.rules.liquidation, self.model.exchange.fees
        if isinstance(policy, NoLiquidation) or not len(self.house.seized()):
            return no_orders()
        share = getattr(policy, "limit", NO_LIMIT)  # a policy of the user's own need not have one
        self.slices = self.house.slices(model.tick, model.exchange.price, model.books.depth(model.marks.trading, share))
        limit = reach(getattr(policy, "limit_price", "share"), share, self.slices.seized, fees.taker + fees.liquidation)
        row, instrument = np.nonzero(self.slices.lots)
        lots = self.slices.lots[row, instrument]
        account = self.slices.accounts[row]
        return immediate(
            model.marks.trading,
            limit[row, instrument],
            ladder=model.instruments.ladder_ticks,
            trader=model.ledger.owner[account],
            account=account,
            instrument=instrument,
            lots=-lots,
            reason=Reason.FORCED,
            key=self.slices.key[row],
        )

    def unwind(self) -> OrderBatch:
        """A share of the positions of fund and members, so that they halve with the stated half-lives."""
        rules = self.house.rules
        fund = work_off(self.model, np.unique(self.house.fund), rules.fund_unwind_half_life, rules.unwind_limit)
        members = at_large(self.model, self.house.staff.members)
        if not len(members):
            return fund
        return joined([fund, work_off(self.model, members, rules.members.unwind_half_life, rules.unwind_limit)])


class KeeperAgent(Owner):
    """A principal with finite capital: takes weak accounts over at a discount and unwinds them on the book."""

    def __init__(self, model: CascadeModel, account: int, house: House, half_life: float) -> None:
        super().__init__(model, int(model.ledger.owner[account]))
        self.account, self.house, self.half_life = account, house, half_life

    def unwind(self) -> OrderBatch:
        """A share of its positions, so that they halve with the stated half-life."""
        return work_off(self.model, at_large(self.model, np.array([self.account])), self.half_life, self.house.rules.unwind_limit)


class VaultAgent(KeeperAgent):
    """The backstop vault: takes whole accounts over with their margin and unwinds them on the book."""


def principals_of(model: CascadeModel, house: House) -> list[KeeperAgent]:
    """The keepers of a house, and its vault if there is one."""
    rules, staff = house.rules, house.staff
    keepers = [KeeperAgent(model, int(account), house, rules.keeper.unwind_half_life) for account in staff.keepers]
    if isinstance(rules.vault, NoVault):
        return keepers
    return [*keepers, *(VaultAgent(model, int(account), house, rules.vault.unwind_half_life) for account in staff.vault)]


def at_large(model: CascadeModel, accounts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of `accounts` (k,) that sell for themselves: once seized, the house alone sells for them."""
    return accounts[model.ledger.state[accounts] < State.LIQUIDATING]


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
    limit: float | NDArray[np.float64],
    *,
    ladder: NDArray[np.int64],
    lots: NDArray[np.int64],
    instrument: NDArray[np.int64],
    **fields: Any,
) -> OrderBatch:
    """IOC orders for signed `lots` (n,), no further than `limit`, one for all or (n,), from the mark and on the `ladder`
    (n_instruments,) ticks; market orders where the limit is 1."""
    side = np.sign(lots)
    worst = mark[instrument] * (1.0 + side * limit)
    return orders(
        instrument=instrument,
        side=side,
        lots=np.abs(lots),
        tick=np.clip(np.where(side > 0, np.floor(worst), np.ceil(worst)), 1, ladder[instrument] - 1).astype(np.int64),
        kind=np.where(np.asarray(limit) >= 1, Kind.MARKET, Kind.IOC),
        **fields,
    )
