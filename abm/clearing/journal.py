"""What a house did, in order: the entries from which events, losses and genealogies are told."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class EventKind(IntEnum):
    """What happened to an account, or to an instrument."""

    ENTERED = 0  # seized: equity below maintenance margin
    RECOVERED = 1  # released: solvent again
    KEEPER_TAKEOVER = 2
    FUND_TAKEOVER = 3
    ADL = 4
    SOCIALISED = 5
    CLOSED = 6  # ended at exactly zero
    WITHDREW = 7  # a maker stopped quoting
    RETURNED = 8
    FUND_PAID = 9  # the fund covered a loss in cash
    CALLED = 10  # margin call: amount is what is asked
    CALL_MET = 11  # the account is back at the ratio the call asked for
    TOPPED_UP = 12  # money of the owner's arrived: amount, from the counterparty's account or, at -1, from reserves outside
    WAITED = 13  # lots of a seized account that were due were held back, by pace or throttle
    AUCTIONED = 14  # a keeper won it, or a position of it, in an auction
    UNSOLD = 15  # an auction reached its reserve without a bid
    VAULT_TAKEOVER = 16  # positions at the mark; without an instrument: the margin that went with them
    HALTED = 17  # a circuit breaker closes the instrument's book from the next step on
    RESUMED = 18  # the book is open again from the next step on
    MEMBER_TAKEOVER = 19  # a position passed to the clearing member behind the account
    MEMBER_PAID = 20  # that member covered a loss in cash, from its own money or its contribution
    SKIN_PAID = 21  # the house's own money that stands in the waterfall
    CONTRIBUTED = 22  # other members' contributions to the default fund
    ASSESSED = 23  # cash calls on other members
    GAINS_HAIRCUT = 24  # winners' gains were cut
    MEMBER_DEFAULT = 25
    MEMBER_AUCTIONED = 26  # a position of a member in default went to the winning bidder
    PORTED = 27  # clients of a member in default have the counterparty behind them now


class Entry(NamedTuple):
    """One event; lots signed as the position moved, value and amount in cash units."""

    kind: EventKind
    account: int
    counterparty: int = -1
    instrument: int = -1
    lots: int = 0
    value: int = 0
    amount: int = 0  # loss borne by the counterparty; of calls what is asked or came


class Journal:
    """Entries of the current step."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def write(self, entry: Entry) -> None:
        """Append one entry."""
        self.entries.append(entry)

    def borne(self, kind: EventKind) -> int:
        """Loss borne in this step through events of one kind, cash units."""
        return sum(e.amount for e in self.entries if e.kind == kind)
