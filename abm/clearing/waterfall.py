"""Who pays when an account is worth less than nothing: insurance fund, auto-deleveraging, everybody, the house itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from abm.clearing.adl import Queue
from abm.clearing.allocate import allocate, allocate_capped
from abm.clearing.journal import Entry, EventKind, Journal
from abm.clearing.ledger import Ledger, State

Ints = NDArray[np.int64]

NAMED_MAX = 10_000  # payments of one collection that the journal names one by one; beyond, one entry per debtor without payer


class Debt(NamedTuple):
    """What an account cannot pay itself."""

    account: int
    instrument: int  # whose holders pay, where that is the scope
    loss: int  # cash units


@dataclass
class Waterfall:
    """The default procedure of one house on one step's marks. Every unit of a deficit is booked to somebody."""

    ledger: Ledger
    journal: Journal
    queue: Queue
    price: NDArray[np.int64]  # (n_instruments,), cash units per lot at the mark
    fund: NDArray[np.int64]  # (n_instruments,), the insurance fund's account for each instrument
    margin_rate: NDArray[np.float64]  # (n_instruments,), margin per notional of what the fund takes over
    payers: NDArray[np.int64]  # accounts of the house that share in losses
    own: int  # account of the house's own money, which bears what none of its accounts can
    deficit_by: Literal["notional", "loss", "margin"]
    loss_scope: Literal["house", "instrument"]

    def close(self, accounts: Iterable[int]) -> None:
        """End bankrupt accounts, in this order: positions find new holders and every equity becomes exactly zero.

        What those without a position left still owe is collected once, from everybody for all of them.
        """
        owed = [debt for account in accounts for debt in self._close(account)]
        for debt in self._socialise(owed):
            self._pay([debt._replace(instrument=-1)], np.array([self.own]), np.array([debt.loss]))

    def _close(self, account: int) -> list[Debt]:
        """End one account but for the debt that is returned, if any."""
        deficit = -self.equity(account)
        for instrument, share in self.shares(account, deficit):
            if not self._fund_takes(account, instrument, share):
                borne = self.queue.close(account, instrument, share, self.journal)
                self._keep_rest(account, instrument, share - borne)
        owed = []
        if (rest := -self.equity(account)) > 0:  # it had no position left: the leg that lost most names the payers
            owed = self._from_fund(Debt(account, int(np.argmin(self.ledger.realised[account])), rest))
        if account not in self.fund:
            self.ledger.state[account] = State.CLOSED
        self.journal.write(Entry(EventKind.CLOSED, account, amount=deficit))
        return owed

    def equity(self, account: int) -> int:
        """Cash units on the step's marks."""
        return int(self.ledger.cash[account, 0]) + int(self.ledger.position[account] @ self.price)

    def shares(self, account: int, deficit: int) -> list[tuple[int, int]]:
        """The account's positions and the part of its deficit that each carries; tokens carry none beside perpetuals."""
        position = self.ledger.position[account]
        legs = np.flatnonzero(position)
        if not len(legs):
            return []
        is_spot = self.ledger.instruments.is_spot[legs]
        tokens = legs[is_spot & ~is_spot.all()]
        legs = np.setdiff1d(legs, tokens)
        weight = np.abs(position[legs]) * self.price[legs]
        if self.deficit_by == "loss":
            loss = np.maximum(self.ledger.cost[account, legs] - position[legs] * self.price[legs], 0)
            weight = loss if loss.any() else weight
        elif self.deficit_by == "margin":
            weight = np.ceil(weight * self.margin_rate[legs]).astype(np.int64)
        carried = [(int(leg), int(share)) for leg, share in zip(legs, allocate(deficit, weight), strict=True)]
        return carried + [(int(token), 0) for token in tokens]

    def _fund_takes(self, account: int, instrument: int, deficit: int) -> bool:
        """The fund takes a position at its bankruptcy value if it can pay the deficit and margin the position."""
        fund, lots = int(self.fund[instrument]), int(self.ledger.position[account, instrument])
        if account in self.fund or self.free(fund) < deficit + self._margin(instrument, lots):
            return False
        value = lots * int(self.price[instrument]) + deficit
        self.ledger.takeover(account, fund, instrument, lots, value)
        self.journal.write(Entry(EventKind.FUND_TAKEOVER, account, fund, instrument, lots, value, deficit))
        return True

    def free(self, fund: int) -> int:
        """The fund's equity above the margin of what it holds."""
        position = self.ledger.position[fund]
        return self.equity(fund) - sum(self._margin(int(i), int(position[i])) for i in np.flatnonzero(position))

    def _margin(self, instrument: int, lots: int) -> int:
        return int(self.margin_rate[instrument] * (abs(lots) * int(self.price[instrument])))

    def _keep_rest(self, account: int, instrument: int, deficit: int) -> None:
        """Lots that found no holder go to the fund at the mark; their part of the deficit is mutualised."""
        lots = int(self.ledger.position[account, instrument])
        if lots and account not in self.fund:
            fund, value = int(self.fund[instrument]), lots * int(self.price[instrument])
            self.ledger.takeover(account, fund, instrument, lots, value)
            self.journal.write(Entry(EventKind.FUND_TAKEOVER, account, fund, instrument, lots, value))
        if deficit > 0:
            self._socialise(self._from_fund(Debt(account, instrument, deficit)))

    def _from_fund(self, debt: Debt) -> list[Debt]:
        """The fund's free money pays first; what is left of the debt, if anything."""
        account, fund = debt.account, int(self.fund[debt.instrument])
        if account not in self.fund and (paid := min(debt.loss, max(0, self.free(fund)))):
            self.ledger.transfer(fund, account, paid)
            self.journal.write(Entry(EventKind.FUND_PAID, account, fund, debt.instrument, amount=paid))
            debt = debt._replace(loss=debt.loss - paid)
        return [debt] if debt.loss else []

    def _socialise(self, debts: list[Debt]) -> list[Debt]:
        """Collected pro rata to the equity of the house's accounts; holders of the instrument alone pay where the scope says
        so and they can. What nobody could pay."""
        if self.loss_scope == "instrument":
            groups = {debt.instrument: [d for d in debts if d.instrument == debt.instrument] for debt in debts}
            held = {i: self.payers[self.ledger.position[self.payers, i] != 0] for i in groups}
            debts = [left for i, group in groups.items() for left in self._collect(group, held[i])]
        return self._collect(debts, self.payers)

    def _collect(self, debts: list[Debt], payers: Ints) -> list[Debt]:
        """Let those of `payers` (n,) who have equity share the debts; what they could not pay."""
        equity = self.ledger.equity_of(payers, self.price) if debts else np.zeros(0, dtype=np.int64)
        payers, equity = payers[: equity.size][equity > 0], equity[equity > 0]
        if not len(payers):
            return debts
        shares, _ = allocate_capped(sum(debt.loss for debt in debts), equity, equity)
        return self._pay(debts, payers[shares > 0], shares[shares > 0])

    def _pay(self, debts: list[Debt], payers: Ints, amounts: Ints) -> list[Debt]:
        """`payers` (n,) pay `amounts` (n,), all > 0, to one debtor after the other; what is left of the debts."""
        given, due = np.cumsum(amounts), np.cumsum([debt.loss for debt in debts])
        between = due[~np.isin(due, given) & (due < given[-1])]
        ends = np.insert(given, np.searchsorted(given, between), between)  # of the single payments, laid end to end
        payer, debtor, paid = payers[np.searchsorted(given, ends)], np.searchsorted(due, ends), np.diff(ends, prepend=0)
        self.ledger.transfer(payer, np.array([debt.account for debt in debts])[debtor], paid)
        received = np.zeros(len(debts), dtype=np.int64)
        np.add.at(received, debtor, paid)
        if len(paid) > NAMED_MAX:
            debtor = np.flatnonzero(received)
            payer, paid = np.full(len(debtor), -1), received[debtor]
        for who, i, amount in zip(payer.tolist(), debtor.tolist(), paid.tolist(), strict=True):
            self.journal.write(Entry(EventKind.SOCIALISED, debts[i].account, who, debts[i].instrument, amount=amount))
        left = [debt._replace(loss=debt.loss - got) for debt, got in zip(debts, received.tolist(), strict=True)]
        return [debt for debt in left if debt.loss]
