"""A principal: somebody who takes seized positions over into a margined account of its own, and what it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abm.clearing.allocate import allocate
from abm.clearing.journal import Entry, EventKind, Journal
from abm.clearing.ledger import Ledger, State

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Round:
    """What the takeovers of one step go by."""

    step: int
    price: Ints  # (n_instruments,), cash units per lot at the mark
    rate: NDArray[np.float64]  # (n_instruments,), initial margin per notional of what is taken over
    journal: Journal
    cured: Callable[[int], bool]  # whether an account holds what it must again


@dataclass(frozen=True)
class Principal:
    """A keeper or a vault: its account, and how far it lets its leverage go."""

    ledger: Ledger
    account: int
    leverage_max: float  # notional / equity

    def may_take(self, account: int, now: Round) -> bool:
        """Nobody takes over from himself, and neither who is being wound up nor who has no money takes anything."""
        ledger = self.ledger
        other = ledger.owner[self.account] != ledger.owner[account]
        return bool(other and ledger.state[self.account] == State.HEALTHY and equity(ledger, self.account, now.price) > 0)

    def usage(self, price: Ints) -> float:
        """Notional held over the notional that its equity, > 0, allows."""
        gross = int(np.abs(self.ledger.position[self.account]) @ price)
        return gross / (self.leverage_max * equity(self.ledger, self.account, price))

    def carries(self, position: Ints, received: int, now: Round) -> bool:
        """Whether it can margin `position` (n_instruments,) on top of its own when it is given `received` with it."""
        own = equity(self.ledger, self.account, now.price)
        gross = np.abs(self.ledger.position[self.account] + position) * now.price
        margined = own + received >= float(gross @ now.rate)
        return bool(margined and gross.sum() <= self.leverage_max * (own + received))

    def take(self, kind: EventKind, account: int, position: Ints, discount: int, now: Round) -> None:
        """Pay `account` the mark value of `position` (n_instruments,) less `discount`, shared out by notional."""
        legs = np.flatnonzero(position)
        notional = np.abs(position[legs]) * now.price[legs]
        for leg, asked in zip(legs, allocate(discount, notional), strict=True):
            lots, value = int(position[leg]), int(position[leg] * now.price[leg] - asked)
            self.ledger.takeover(account, self.account, int(leg), lots, value)
            now.journal.write(Entry(kind, account, self.account, int(leg), lots, value))


def equity(ledger: Ledger, account: int, price: Ints) -> int:
    """Cash units at `price` (n_instruments,)."""
    return int(ledger.cash[account, 0]) + int(ledger.position[account] @ price)
