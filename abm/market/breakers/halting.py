"""What holds while a breaker has closed a book."""

from __future__ import annotations

from typing import Literal

from abm.record import Record, param


class Halting(Record):
    """The part that all breakers share: whom a halt closes, and what rests, is valued, checked and sold meanwhile.

    Matching stops in every halt: whoever sends an order is refused. A book reopens by continuous trading, without auction.
    Traders do not anticipate a halt, so prices are not drawn towards its limits (no magnet effect).
    """

    coordinated: bool = param(
        False,
        unit="true or false",
        source="choice of regime; US equity venues halt together, crypto venues not at all",
        help="A trip closes the same asset on all venues; else on this one alone.",
    )
    orders: Literal["refuse", "cancel_only", "pull"] = param(
        "refuse",
        unit="choice",
        source="choice of regime; pre-open states of venues differ in what may be sent",
        help="Resting orders in a halt: only plain cancels pass (to cancel and replace is one request, which is refused); "
        "all cancels pass; the venue cancels all at once.",
    )
    marks: Literal["freeze", "follow"] = param(
        "freeze",
        unit="choice",
        source="choice of regime",
        help="Index and mark in a halt: as they were, or the outside value moves on while the part of the book stands still.",
    )
    margin: Literal["suspend", "continue"] = param(
        "suspend",
        unit="choice",
        source="choice of regime",
        help="Whether accounts that hold a halted instrument are newly seized.",
    )
    liquidation: Literal["suspend", "continue"] = param(
        "suspend",
        unit="choice",
        source="choice of regime",
        help="Halted positions of seized accounts wait, bankrupt accounts with them; or keeper, fund and ADL take them over.",
    )
