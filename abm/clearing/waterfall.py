"""Who pays when an account is worth less than nothing: the layers of the house in their order, at last the house itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from abm.clearing.adl import Queue
from abm.clearing.allocate import allocate, allocate_capped
from abm.clearing.journal import Entry, EventKind, Journal
from abm.clearing.layers import (
    AdlLayer,
    FundLayer,
    Layer,
    Layers,
    MemberLayer,
    Socialise,
    split_at_first_mutual,
    split_at_last_place,
)
from abm.clearing.ledger import Ledger, State
from abm.clearing.members import NOBODY
from abm.clearing.purses import Purse, Purses

Ints = NDArray[np.int64]

NAMED_MAX = 10_000  # payments of one collection that the journal names one by one; beyond, one entry per debtor without payer


MUTUALISED = (EventKind.SOCIALISED, EventKind.ASSESSED, EventKind.GAINS_HAIRCUT)  # paid out of margined accounts


class Debt(NamedTuple):
    """What an account cannot pay itself."""

    account: int
    instrument: int  # whose holders pay, where that is the scope
    loss: int  # cash units


@dataclass
class Waterfall:
    """The default procedure of one house on one step's marks. Every unit of a deficit is booked to somebody.

    Layers that take positions are asked position by position, in order with those between them; lots that find no holder go
    to the fund's account at the mark; what is still owed goes to the remaining layers, and in the end to the house's own.
    """

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
    layers: Layers
    purses: Purses
    paid: list[tuple[Ints, Ints]] = field(default_factory=list)  # payers (n,) and amounts (n,) of what was mutualised

    def __post_init__(self) -> None:
        self.members = self.purses.members
        self._placing, self._paying = split_at_last_place(self.layers)
        self._single, self._mutual = split_at_first_mutual(self.layers)
        self._cash = (*(layer for layer in self._placing if isinstance(layer, FundLayer)), *self._paying)
        # where auto-deleveraging comes next the fund keeps its cash for what that cannot place
        after = zip(self._placing, self._placing[1:], strict=False)
        self._fund_waits = any(isinstance(a, FundLayer) and isinstance(b, AdlLayer) for a, b in after)

    def close(self, accounts: Iterable[int]) -> None:
        """End bankrupt accounts, in this order (clearing members last, with those that fail by it): positions find new
        holders and every equity becomes exactly zero.

        What those without a position left still owe is collected once, from everybody for all of them.
        """
        members, ended = self.members, list(accounts)
        for account in ended:
            if account in members.accounts:
                members.fail(account, self.journal)
        owed = [debt for account in ended if account not in members.accounts for debt in self._close(account)]
        while owed or members.failed:  # more than once only where members that are asked after everybody else fail by it
            while members.failed:
                owed += self._end_member(members.failed.pop(0))
            for layer in self._mutual:
                owed = self._ask(layer, owed)
            for debt in owed:
                self._pay([debt._replace(instrument=-1)], np.array([self.own]), np.array([debt.loss]), EventKind.SOCIALISED)
            owed = []

    def _close(self, account: int) -> list[Debt]:
        """End one account but for the debt that is returned, if any."""
        deficit = -self.equity(account)
        for instrument, share in self.shares(account, deficit):
            self._place(Debt(account, instrument, share))
        owed = []
        if (rest := -self.equity(account)) > 0:  # it had no position left: the leg that lost most names the payers
            owed = [Debt(account, int(np.argmin(self.ledger.realised[account])), rest)]
            for layer in self._single:
                owed = self._ask(layer, owed)
        if account not in self.fund:
            self.ledger.state[account] = State.CLOSED
        self.journal.write(Entry(EventKind.CLOSED, account, amount=deficit))
        return owed

    def _end_member(self, member: int) -> list[Debt]:
        """A member in default: its portfolio is auctioned, what it lacks then is borne, its clients are ported."""
        self.members.auction(member, self.journal, price=self.price, rate=self.margin_rate)
        owed = self._close(member)
        self.members.port(member, self.journal)
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

    def _place(self, debt: Debt) -> None:
        """Find a holder for one position of the debtor and somebody who bears its part of the deficit."""
        for layer in self._placing:
            debt = self._offer(layer, debt)
        self._keep_rest(debt.account, debt.instrument)
        debts = [debt] if debt.loss else []
        for layer in self._cash:
            debts = self._ask(layer, debts)

    def _offer(self, layer: Layer, debt: Debt) -> Debt:
        """One layer before the last that takes positions; what is left of the debt."""
        account, instrument, loss = debt
        held = int(self.ledger.position[account, instrument]) != 0
        if isinstance(layer, AdlLayer):
            return debt._replace(loss=loss - self.queue.close(account, instrument, loss, self.journal)) if held else debt
        if isinstance(layer, MemberLayer) and held:
            debt = self._member_takes(debt)
        elif isinstance(layer, FundLayer):
            if held and self._fund_takes(account, instrument, loss):
                return debt._replace(loss=0)
            if self._fund_waits:
                return debt
        left = self._ask(layer, [debt]) if debt.loss else []
        return left[0] if left else debt._replace(loss=0)

    def _ask(self, layer: Layer, debts: list[Debt]) -> list[Debt]:
        """One layer pays in cash; what is left of the debts."""
        if isinstance(layer, FundLayer):
            return [left for debt in debts for left in self._from_fund(debt)]
        if isinstance(layer, MemberLayer):
            return [left for debt in debts for left in self._from_member(debt)]
        if isinstance(layer, Socialise):
            return self._socialise(debts)
        for purse in self.purses.of(layer, self.payers, self.price) if debts else []:
            debts = self._collect(debts, purse)
        return debts

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

    def _keep_rest(self, account: int, instrument: int) -> None:
        """Lots that found no holder go to the fund's account at the mark."""
        lots = int(self.ledger.position[account, instrument])
        if lots and account not in self.fund:
            fund, value = int(self.fund[instrument]), lots * int(self.price[instrument])
            self.ledger.takeover(account, fund, instrument, lots, value)
            self.journal.write(Entry(EventKind.FUND_TAKEOVER, account, fund, instrument, lots, value))

    def _from_fund(self, debt: Debt) -> list[Debt]:
        """The fund's free money pays first; what is left of the debt, if anything."""
        account, fund = debt.account, int(self.fund[debt.instrument])
        if account not in self.fund and (paid := min(debt.loss, max(0, self.free(fund)))):
            self.ledger.transfer(fund, account, paid)
            self.journal.write(Entry(EventKind.FUND_PAID, account, fund, debt.instrument, amount=paid))
            debt = debt._replace(loss=debt.loss - paid)
        return [debt] if debt.loss else []

    def _member_takes(self, debt: Debt) -> Debt:
        """The member behind the account takes the position and pays what it can of the deficit with it."""
        account, instrument, loss = debt
        member = self.members.behind(account)
        if member in (account, NOBODY):
            return debt
        paid, lots = min(loss, max(0, self.equity(member))), int(self.ledger.position[account, instrument])
        value = lots * int(self.price[instrument]) + paid
        self.ledger.takeover(account, member, instrument, lots, value)
        self.journal.write(Entry(EventKind.MEMBER_TAKEOVER, account, member, instrument, lots, value, paid))
        return debt._replace(loss=loss - paid)

    def _from_member(self, debt: Debt) -> list[Debt]:
        """The member behind the account pays; where that is not enough it is in default and its contribution pays."""
        member = self.members.behind(debt.account)
        if member == NOBODY:
            return [debt]
        debts = [debt]
        if member != debt.account:
            debts = self._collect(debts, self.purses.equity(np.array([member]), self.price, EventKind.MEMBER_PAID))
        if debts:
            self.members.fail(member, self.journal)
            contribution = np.array([self.members.contribution(member)])
            debts = self._collect(debts, self.purses.cash(contribution, EventKind.MEMBER_PAID))
        return debts

    def _socialise(self, debts: list[Debt]) -> list[Debt]:
        """Collected pro rata to the equity of the house's accounts; holders of the instrument alone pay where the scope says
        so and they can. What nobody could pay."""
        if self.loss_scope == "instrument":
            groups = {debt.instrument: [d for d in debts if d.instrument == debt.instrument] for debt in debts}
            held = {i: self.payers[self.ledger.position[self.payers, i] != 0] for i in groups}
            debts = [left for i, group in groups.items() for left in self._collect_by_equity(group, held[i])]
        return self._collect_by_equity(debts, self.payers)

    def _collect_by_equity(self, debts: list[Debt], payers: Ints) -> list[Debt]:
        return self._collect(debts, self.purses.equity(payers, self.price, EventKind.SOCIALISED)) if debts else debts

    def _collect(self, debts: list[Debt], purse: Purse) -> list[Debt]:
        """Let those of a purse who have something to give share the debts; what they could not pay."""
        able = (purse.weight > 0) & (purse.room > 0)
        if not debts or not able.any():
            return debts
        purse = Purse(purse.payers[able], purse.weight[able], purse.room[able], purse.kind)
        shares, _ = allocate_capped(sum(debt.loss for debt in debts), purse.weight, purse.room)
        self.purses.note(purse, shares)
        if purse.kind in MUTUALISED:
            self.paid.append((purse.payers, shares))
        return self._pay(debts, purse.payers[shares > 0], shares[shares > 0], purse.kind)

    def _pay(self, debts: list[Debt], payers: Ints, amounts: Ints, kind: EventKind) -> list[Debt]:
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
            self.journal.write(Entry(kind, debts[i].account, who, debts[i].instrument, amount=amount))
        left = [debt._replace(loss=debt.loss - got) for debt, got in zip(debts, received.tolist(), strict=True)]
        return [debt for debt in left if debt.loss]
