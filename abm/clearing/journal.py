"""What a house did, in order: the entries from which events, losses and genealogies are told."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class EventKind(IntEnum):
    """What happened to an account."""

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
    MEMBER_TAKEOVER = 10  # a position passed to the clearing member behind the account
    MEMBER_PAID = 11  # that member covered a loss in cash, from its own money or its contribution
    SKIN_PAID = 12  # the house's own money that stands in the waterfall
    CONTRIBUTED = 13  # other members' contributions to the default fund
    ASSESSED = 14  # cash calls on other members
    GAINS_HAIRCUT = 15  # winners' gains were cut
    MEMBER_DEFAULT = 16
    AUCTIONED = 17  # a position of a member in default went to the winning bidder
    PORTED = 18  # clients of a member in default have the counterparty behind them now


class Entry(NamedTuple):
    """One event; lots signed as the position moved, value and amount in cash units."""

    kind: EventKind
    account: int
    counterparty: int = -1
    instrument: int = -1
    lots: int = 0
    value: int = 0
    amount: int = 0  # loss borne by the counterparty


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
