"""Who pays when an account is worth less than nothing: insurance fund, auto-deleveraging, everybody, the house itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from abm.clearing.adl import Queue
from abm.clearing.allocate import allocate, allocate_capped
from abm.clearing.journal import Entry, EventKind, Journal
from abm.clearing.ledger import Ledger, State

NAMED_MAX = 10_000  # payers of one loss that the journal names one by one


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

    def close(self, account: int) -> None:
        """End a bankrupt account: its positions find new holders and its equity becomes exactly zero."""
        deficit = -self.equity(account)
        for instrument, share in self.shares(account, deficit):
            if not self._fund_takes(account, instrument, share):
                borne = self.queue.close(account, instrument, share, self.journal)
                self._keep_rest(account, instrument, share - borne)
        if (rest := -self.equity(account)) > 0:  # it had no position left: the leg that lost most names the payers
            self._socialise(account, rest, int(np.argmin(self.ledger.realised[account])))
        if (rest := -self.equity(account)) > 0:
            self._charge(account, np.array([self.own]), np.array([rest]), instrument=-1)
        if account not in self.fund:
            self.ledger.state[account] = State.CLOSED
        self.journal.write(Entry(EventKind.CLOSED, account, amount=deficit))

    def equity(self, account: int) -> int:
        """Cash units on the step's marks."""
        return int(self.ledger.cash[account, 0]) + int(self.ledger.position[account] @ self.price)

    def shares(self, account: int, deficit: int) -> list[tuple[int, int]]:
        """The account's positions and the part of its deficit that each carries."""
        position = self.ledger.position[account]
        legs = np.flatnonzero(position)
        if not len(legs):
            return []
        weight = np.abs(position[legs]) * self.price[legs]
        if self.deficit_by == "loss":
            loss = np.maximum(self.ledger.cost[account, legs] - position[legs] * self.price[legs], 0)
            weight = loss if loss.any() else weight
        elif self.deficit_by == "margin":
            weight = np.ceil(weight * self.margin_rate[legs]).astype(np.int64)
        return [(int(leg), int(share)) for leg, share in zip(legs, allocate(deficit, weight), strict=True)]

    def _fund_takes(self, account: int, instrument: int, deficit: int) -> bool:
        """The fund takes a position at its bankruptcy value if it can pay the deficit and margin the position."""
        fund, lots = int(self.fund[instrument]), int(self.ledger.position[account, instrument])
        if account in self.fund or self._free(fund) < deficit + self._margin(instrument, lots):
            return False
        value = lots * int(self.price[instrument]) + deficit
        self.ledger.takeover(account, fund, instrument, lots, value)
        self.journal.write(Entry(EventKind.FUND_TAKEOVER, account, fund, instrument, lots, value, deficit))
        return True

    def _free(self, fund: int) -> int:
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
            self._socialise(account, deficit, instrument)

    def _socialise(self, account: int, loss: int, instrument: int) -> None:
        """The fund's free money first, then pro rata to the equity of the house's accounts; holders of the instrument
        alone pay where the scope says so and they can."""
        fund = int(self.fund[instrument])
        if account not in self.fund and (paid := min(loss, max(0, self._free(fund)))):
            self.ledger.transfer(fund, account, paid)
            self.journal.write(Entry(EventKind.FUND_PAID, account, fund, instrument, amount=paid))
            loss -= paid
        scopes = [self.payers]
        if self.loss_scope == "instrument":
            scopes.insert(0, self.payers[self.ledger.position[self.payers, instrument] != 0])
        for payers in scopes:
            if loss > 0:
                loss -= self._collect(account, payers[payers != account], loss, instrument)

    def _collect(self, account: int, payers: NDArray[np.int64], loss: int, instrument: int) -> int:
        equity = self.ledger.equity_of(payers, self.price)
        payers, equity = payers[equity > 0], equity[equity > 0]
        if not len(payers):
            return 0
        shares, _ = allocate_capped(loss, equity, equity)
        self._charge(account, payers[shares > 0], shares[shares > 0], instrument)
        return int(shares.sum())

    def _charge(self, account: int, payers: NDArray[np.int64], amounts: NDArray[np.int64], instrument: int) -> None:
        """`payers` (n,) bear `amounts` (n,); more than `NAMED_MAX` are one entry without a counterparty."""
        self.ledger.transfer(payers, account, amounts)
        if len(payers) > NAMED_MAX:
            payers, amounts = np.array([-1]), amounts.sum(keepdims=True)
        for payer, amount in zip(payers.tolist(), amounts.tolist(), strict=True):
            self.journal.write(Entry(EventKind.SOCIALISED, account, payer, instrument, amount=amount))
