"""How a weak account is sold to keepers: at a fixed discount, or by a Dutch auction."""

from __future__ import annotations

from math import floor
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from abm.clearing.allocate import allocate
from abm.clearing.backstop import Keepers
from abm.clearing.journal import Entry, EventKind
from abm.clearing.principal import Round, equity
from abm.record import Record, param

Ints = NDArray[np.int64]


class FixedDiscount(Record):
    """The whole account goes at once to the keeper that asks the lowest discount and can margin it, at what it asks."""

    kind: Literal["discount"] = "discount"

    def seller(self, keepers: Keepers, step_seconds: float) -> Tender:
        """The rule at work."""
        return Tender(keepers)


class DutchAuction(Record):
    """The discount on offer rises step by step from nothing at the mark until a keeper takes it or the reserve is reached.

    Not suitable for collateral without a mark: the price on offer follows the step's marks.
    """

    kind: Literal["auction"] = "auction"
    step: float = param(
        0.0025,
        unit="share of notional",
        source="choice; MakerDAO's ETH-B auctions fell by 1 % every 90 s, from 30 % above the price (poll of 2021-04-26)",
        help="By how much the discount on offer rises.",
        gt=0,
        le=0.5,
    )
    step_seconds: float = param(
        5.0, unit="s", source="choice; MakerDAO's ETH-B auctions: 90 s (poll of 2021-04-26)", help="Time between two rises.", gt=0
    )
    reserve: float = param(
        0.05,
        unit="share of notional",
        source="choice: liquidators ask 1 to 5 %",
        help="Largest discount on offer; who asks more never wins.",
        ge=0,
        le=0.5,
    )
    lots: Literal["account", "position"] = param(
        "account",
        unit="choice",
        source="choice of regime; hedged legs are worth more together, large accounts find takers only in parts",
        help="What is sold to one keeper: the whole account, or each position, the largest first, until the account is cured.",
    )
    on_book: bool = param(
        False,
        unit="switch",
        source="choice of regime: an account under the hammer is not sold twice",
        help="Whether the account's positions are worked on the book while the auction runs.",
    )

    def seller(self, keepers: Keepers, step_seconds: float) -> Auctions:
        """The rule at work."""
        return Auctions(self, keepers, step_seconds)

    def offered(self, seconds: float) -> float:
        """Discount on offer `seconds` after the opening, share of notional: min(reserve, step x whole steps passed)."""
        return min(self.reserve, round(self.step * floor(round(seconds / self.step_seconds, 9)), 12))


TakeoverRule = Annotated[FixedDiscount | DutchAuction, Field(discriminator="kind")]


class Tender:
    """A house's sales at a fixed discount."""

    keeps_off_book = False

    def __init__(self, keepers: Keepers) -> None:
        self.keepers, self.ledger, self.trigger = keepers, keepers.ledger, keepers.rule.trigger
        self.under_offer: list[int] = []

    def take(self, account: int, now: Round) -> bool:
        """Sell to the first keeper that can; what is left of the account's equity stays with the owner."""
        position = self.ledger.position[account].copy()
        most, notional = equity(self.ledger, account, now.price), int(np.abs(position) @ now.price)
        for asked, keeper in self.keepers.bids(account, now):
            discount = min(most, int(asked * float(notional)))
            if keeper.carries(position, discount, now):
                keeper.take(EventKind.KEEPER_TAKEOVER, account, position, discount, now)
                return True
        return False

    def drop(self, accounts: list[int]) -> None:
        """Nothing is ever under offer."""


class Auctions:
    """A house's Dutch auctions: which accounts are under the hammer, and since when.

    A keeper bids when what is on offer, never more than the account's equity, is at least what it asks and it can margin
    the lot; it is paid the discount on offer. With the reserve or all the account's equity on offer and no bid the sale
    ends, as it does when a halt comes; the account goes back to the book and can be put up again.
    """

    def __init__(self, rule: DutchAuction, keepers: Keepers, step_seconds: float) -> None:
        self.rule, self.keepers, self.ledger, self.trigger = rule, keepers, keepers.ledger, keepers.rule.trigger
        self.step_seconds = step_seconds
        self.begun: dict[int, int] = {}  # account -> step of the opening

    @property
    def under_offer(self) -> list[int]:
        """Accounts under the hammer."""
        return list(self.begun)

    @property
    def keeps_off_book(self) -> bool:
        """Whether nothing of them is sold on the book."""
        return not self.rule.on_book

    def take(self, account: int, now: Round) -> bool:
        """Open the account's auction or carry it on; false when it ended without a bid."""
        passed = now.step - self.begun.setdefault(account, now.step)
        share = self.rule.offered(passed * self.step_seconds)
        lots, discount = self._put_up(account, share, now)
        most, notional = equity(self.ledger, account, now.price), int(np.abs(self.ledger.position[account]) @ now.price)
        sold = [self._sell(account, *lot, now) for lot in zip(lots, discount, strict=True)]
        if all(sold):
            self.drop([account])
            return True
        if share < self.rule.reserve and int(share * float(notional)) < most:
            return True
        self.drop([account])
        if now.cured(account):
            return True
        now.journal.write(Entry(EventKind.UNSOLD, account))
        return False

    def drop(self, accounts: list[int]) -> None:
        """End the auctions of `accounts`."""
        for account in accounts:
            self.begun.pop(account, None)

    def _put_up(self, account: int, share: float, now: Round) -> tuple[Ints, list[int]]:
        """Lots on sale (n_lots, n_instruments) and the discount on each, cash units."""
        position, most = self.ledger.position[account].copy(), equity(self.ledger, account, now.price)
        notional = np.abs(position) * now.price
        if self.rule.lots == "account":
            return position[np.newaxis], [min(most, int(share * float(notional.sum())))]
        legs = np.argsort(-notional, kind="stable")[: np.count_nonzero(position)]
        discount = (share * notional[legs]).astype(np.int64)
        if discount.sum() > most:
            discount = allocate(most, notional[legs])
        lots = np.zeros((len(legs), len(position)), dtype=np.int64)
        lots[np.arange(len(legs)), legs] = position[legs]
        return lots, discount.tolist()

    def _sell(self, account: int, lot: Ints, discount: int, now: Round) -> bool:
        """Whether a lot (n_instruments,) found a taker; none is sold of an account that is cured by the sale of others."""
        if self.rule.lots == "position" and now.cured(account):
            return False
        notional = float(np.abs(lot) @ now.price)
        for asked, keeper in self.keepers.bids(account, now):
            if int(asked * notional) <= discount and keeper.carries(lot, discount, now):
                keeper.take(EventKind.AUCTIONED, account, lot, discount, now)
                return True
        return False
