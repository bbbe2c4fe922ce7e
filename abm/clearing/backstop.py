"""The backstop: keepers and a vault, who take seized accounts over as principals, and in which order they are asked."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from abm.clearing.allocate import allocate
from abm.clearing.ledger import Ledger, State
from abm.clearing.principal import Principal, Round
from abm.kernels.margin import Revaluation
from abm.record import Record, param
from abm.streams import Streams

Ints = NDArray[np.int64]


class Keeper(Record):
    """The keepers of a house, each with a margined account of its own; capital 0 means there are none."""

    count: int = param(
        1, unit="keepers", source="choice of regime", help="How many there are; they share the capital.", ge=1, le=1000
    )
    capital_share: float = param(
        0.002,
        unit="share of one-sided open interest",
        source="choice of regime, swept; liquidator vaults are small against open interest",
        help="Own cash of the keepers at the opening, all together.",
        ge=0,
        le=1,
    )
    capital_spread: float = param(
        0.0,
        unit="standard deviation of log capital",
        source="choice of regime: equal keepers unless stated",
        help="How unequally the keepers share the capital; 0 is evenly.",
        ge=0,
        le=3,
    )
    trigger: float = param(
        2 / 3,
        unit="equity / maintenance margin",
        source="Hyperliquid wiki, Liquidations: backstop below 2/3 of maintenance margin",
        help="Keepers are asked when the book has failed and the margin ratio is below this.",
        ge=0,
        le=1,
    )
    discount: float = param(
        0.01,
        unit="share of notional",
        source="choice: liquidators ask 1 to 5 %",
        help="Discount to the mark that a keeper asks; outside an auction it asks for less when the account has less.",
        ge=0,
        le=0.5,
    )
    discount_spread: float = param(
        0.0,
        unit="share of the discount",
        source="choice of regime: equal keepers unless stated",
        help="What single keepers ask is drawn evenly from discount x (1 - this) to discount x (1 + this).",
        ge=0,
        le=1,
    )
    inventory_premium: float = param(
        0.0,
        unit="share of the discount",
        source="choice of regime: who is nearly full asks more; 0 is the discount alone",
        help="A keeper asks discount x (1 + this x its notional / (leverage_max x its equity)).",
        ge=0,
        le=100,
    )
    leverage_max: float = param(
        5.0,
        unit="notional / equity",
        source="choice of regime: a principal that used all its margin would default on the next move",
        help="A keeper takes nothing over that would lift its leverage above this.",
        gt=0,
        le=100,
    )
    unwind_half_life: float = param(
        300.0,
        unit="s",
        source="choice of regime, swept",
        help="Half-life at which keepers work their inventory off on the book.",
        gt=0,
    )

    def shares(self, capital: int, streams: Streams, house: int) -> Ints:
        """`capital` (cash units) shared out to the keepers of `house`, (count,): by log-normal weights."""
        drawn = streams.at(f"opening.keeper.{house}.capital").standard_normal(self.count)
        return allocate(capital, np.exp(self.capital_spread * drawn))

    def asks(self, streams: Streams, house: int) -> NDArray[np.float64]:
        """Discount that each keeper of `house` asks when it holds nothing, (count,), share of notional."""
        drawn = streams.at(f"opening.keeper.{house}.discount").random(self.count)
        return np.asarray(self.discount * (1.0 + self.discount_spread * (2.0 * drawn - 1.0)))


class Keepers:
    """The keepers of one house at work."""

    def __init__(self, rule: Keeper, ledger: Ledger, streams: Streams, accounts: Ints, house: int) -> None:
        self.rule, self.ledger, self.streams, self.accounts = rule, ledger, streams, accounts
        self.principals = [Principal(ledger, int(account), rule.leverage_max) for account in accounts]
        self.asks = rule.asks(streams, house)  # (k,), share of notional

    def bids(self, account: int, now: Round) -> list[tuple[float, Principal]]:
        """Who would take `account` over and at which discount (share of notional): the lowest first, equal ones by lot."""
        owner = self.ledger.owner[self.accounts]
        key = self.streams.priority("takeover", now.step, owner, np.full(len(owner), account)).tolist()
        premium = self.rule.inventory_premium
        willing = [
            (ask * (1.0 + premium * keeper.usage(now.price)), lot, keeper)
            for ask, lot, keeper in zip(self.asks.tolist(), key, self.principals, strict=True)
            if keeper.may_take(account, now)
        ]
        return [(asked, keeper) for asked, _, keeper in sorted(willing, key=lambda bid: bid[:2])]


class Buyer(Protocol):
    """Somebody to whom weak accounts are offered."""

    trigger: float  # equity / maintenance margin below which it is asked

    def take(self, account: int, now: Round) -> bool:
        """Whether the account is in its hands now: sold to it, or still under offer."""

    @property
    def under_offer(self) -> list[int]:
        """Accounts it has not decided on yet."""

    @property
    def keeps_off_book(self) -> bool:
        """Whether nothing of an account under offer is sold on the book."""

    def drop(self, accounts: list[int]) -> None:
        """Forget about accounts that are no longer on offer."""


class Backstop:
    """Who is asked first when the book has failed: the buyer with the higher trigger, whose turn came first as the margin
    ratio fell; among equal ones keepers before the vault. A buyer that declines passes the account on in the same step."""

    def __init__(self, buyers: list[Buyer]) -> None:
        self.buyers = sorted(buyers, key=lambda buyer: -buyer.trigger)

    def offer(self, rows: Ints, worth: Revaluation, failed: NDArray[np.bool_], now: Round, state: NDArray[np.int8]) -> None:
        """Offer those of the seized accounts `rows` (k,) with `worth` (k,) that are weak and `failed` (k,) on the book, or
        are under offer already and not cured; bankrupt ones are nobody's to buy. `state` is (n_accounts,)."""
        self.drop(rows[state[rows] != State.LIQUIDATING])
        weak = [worth.collateral < buyer.trigger * worth.maintenance for buyer in self.buyers]
        offered = [np.isin(rows, buyer.under_offer) for buyer in self.buyers]
        pending = np.any(offered, axis=0)
        ill = (worth.equity >= 0) & (worth.collateral < worth.maintenance)
        for place in np.flatnonzero(ill & (pending | (failed & np.any(weak, axis=0)))):
            for buyer, is_weak, is_offered in zip(self.buyers, weak, offered, strict=True):
                if (is_weak[place] or is_offered[place]) and buyer.take(int(rows[place]), now):
                    break

    def withheld(self, rows: Ints) -> NDArray[np.bool_]:
        """Which of `rows` (k,) the book leaves alone while somebody thinks about them."""
        held = [account for buyer in self.buyers if buyer.keeps_off_book for account in buyer.under_offer]
        return np.isin(rows, held)

    def drop(self, rows: Ints) -> None:
        """Accounts `rows` (k,) are no longer on offer."""
        if len(rows):
            for buyer in self.buyers:
                buyer.drop(rows.tolist())
