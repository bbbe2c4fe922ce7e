"""Clearing members: who stands behind the accounts of a house, with capital and a contribution of their own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.clearing.allocate import allocate
from abm.clearing.default_auction import DefaultAuction, SealedBids
from abm.clearing.journal import Entry, EventKind, Journal
from abm.clearing.ledger import Ledger, State
from abm.record import Record, param
from abm.streams import Streams

Ints = NDArray[np.int64]
NOBODY = -1


class Members(Record):
    """The members of one house; without any its accounts clear directly, as on crypto venues.

    Each account of a trader or maker has a member behind it, by a keyed hash of its owner: larger members have more.
    """

    count: int = param(0, unit="members", source="choice; 0: direct clearing", help="Number of members.", ge=0, le=1_000)
    capital_share: float = param(
        0.02,
        unit="share of one-sided open interest",
        source="choice of regime, swept",
        help="Own money of all members together at the opening, in accounts that the house margins.",
        ge=0,
        le=10,
    )
    contribution_share: float = param(
        0.005,
        unit="share of one-sided open interest",
        source="choice of regime, swept; CPMI-IOSCO asks for cover of the two largest members (PFMI, Principle 4)",
        help="Prefunded contributions of all members together to the default fund.",
        ge=0,
        le=10,
    )
    concentration: float = param(
        0.0,
        unit="exponent",
        source="choice; 0: equal members, 1: the k-th is 1/k of the largest",
        help="How unequal members are in capital, contribution and clients.",
        ge=0,
        le=5,
    )
    unwind_half_life: float = param(
        300.0,
        unit="s",
        source="choice of regime, as for the fund",
        help="Half-life at which members work off on the book what they took over.",
        gt=0,
    )
    auction: DefaultAuction = param(
        SealedBids(), unit="rule", source="per field", help="How the portfolio of a member in default is sold to the others."
    )

    @property
    def size(self) -> NDArray[np.float64]:
        """Relative sizes (count,)."""
        return np.asarray((np.arange(self.count) + 1.0) ** -self.concentration, dtype=np.float64)

    def split(self, total: int) -> Ints:
        """Whole shares (count,) of `total` by size."""
        return allocate(total if self.count else 0, self.size)


class Membership:
    """The members of a house at work: who is alive, who stands behind whom, what was called."""

    def __init__(
        self, rules: Members, ledger: Ledger, streams: Streams, *, house: int, accounts: Ints, contributions: Ints, clients: Ints
    ) -> None:
        self.rules, self.accounts, self.contributions = rules, accounts, contributions
        self._ledger, self._streams = ledger, streams
        self.alive = np.ones(len(accounts), dtype=np.bool_)
        self.junior = np.zeros(len(accounts), dtype=np.bool_)  # did not bid where that has a price
        self.opening = ledger.cash[contributions, 0].copy()  # (m,), cash units
        self.called = np.zeros(len(accounts), dtype=np.int64)  # (m,), cash units of assessments so far
        self.failed: list[int] = []  # accounts of members in default that are still to be closed
        if len(accounts):
            ledger.guarantor[clients] = self._drawn("guarantor", house, clients)

    def behind(self, account: int) -> int:
        """Account of the member that stands behind `account`; a member stands behind itself; NOBODY."""
        return account if account in self.accounts else int(self._ledger.guarantor[account])

    def contribution(self, member: int) -> int:
        """The account that holds the contribution of the member with account `member`."""
        return int(self.contributions[self._place(member)])

    def fail(self, member: int, journal: Journal) -> None:
        """A member cannot pay: it is in default and will be closed."""
        place = self._place(member)
        if self.alive[place]:
            self.alive[place] = False
            self.failed.append(member)
            journal.write(Entry(EventKind.MEMBER_DEFAULT, member))

    def auction(self, member: int, journal: Journal, *, price: Ints, rate: NDArray[np.float64]) -> None:
        """Sell the portfolio of a failed member to the bidder who asks least; the discount is the failed member's loss.

        `price` (n_instruments,) cash units per lot, `rate` (n_instruments,) initial margin per notional.
        """
        ledger, portfolio = self._ledger, self._ledger.position[member].copy()
        places = np.flatnonzero(self.alive & (ledger.state[self.accounts] == State.HEALTHY))
        legs = np.flatnonzero(portfolio)
        if not len(legs) or not len(places):
            return
        rows = self.accounts[places]
        bids = self.rules.auction.bids(
            portfolio, ledger.position[rows], ledger.equity_of(rows, price), price=price, rate=rate
        )
        self.junior[places] |= self.rules.auction.juniors(bids)
        if (sale := self.rules.auction.sale(bids)) is None:
            return
        winner, notional = int(rows[sale.winner]), np.abs(portfolio) * price
        for leg, asked in zip(legs.tolist(), allocate(sale.discount, notional[legs]).tolist(), strict=True):
            lots, value = int(portfolio[leg]), int(portfolio[leg] * price[leg]) - asked
            ledger.takeover(member, winner, leg, lots, value)
            journal.write(Entry(EventKind.MEMBER_AUCTIONED, member, winner, leg, lots, value))

    def port(self, member: int, journal: Journal) -> None:
        """Clients of a failed member get another one behind them; the house alone where none is left."""
        clients = np.flatnonzero(self._ledger.guarantor == member)
        if not self.alive.any():
            self._ledger.guarantor[clients] = NOBODY
            return
        new = self._drawn("ported", member, clients)
        self._ledger.guarantor[clients] = new
        for survivor in np.unique(new).tolist():
            journal.write(Entry(EventKind.PORTED, member, survivor))

    def _place(self, member: int) -> int:
        return int(np.flatnonzero(self.accounts == member)[0])

    def _drawn(self, stream: str, number: int, clients: Ints) -> Ints:
        """A living member's account for each of `clients` (n,), by size and a keyed hash of the owner."""
        living = np.flatnonzero(self.alive)
        bounds = np.cumsum(self.rules.size[living])
        uniform = self._streams.priority(stream, number, self._ledger.owner[clients]) / 2.0**64
        place = np.searchsorted(bounds, uniform * bounds[-1], side="right")
        return np.asarray(self.accounts[living[np.minimum(place, len(living) - 1)]])
