"""A book of the user's own: files with the accounts and the depth of the opening, in place of what is drawn."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from abm.record import Record, param


class NoBook(Record):
    """Every position at the opening is drawn."""

    kind: Literal["none"] = "none"


class OwnBook(Record):
    """Accounts, and on request depth, as files state them; columns: `abm.scenario.book_files`.

    The groups of the population are drawn beside it, as many as their counts say: set these to 0 to have the book alone.
    """

    kind: Literal["files"] = "files"
    accounts: str = param(
        unit="path", source="scenario", help="CSV of accounts and positions; relative to the scenario file.", min_length=1
    )
    depth: str | None = param(
        None, unit="path", source="default: none, `assets.*.maker_depth` rules", help="CSV of resting quantities by distance."
    )
    residual: Literal["refuse", "hedgers"] = param(
        "refuse",
        unit="choice",
        source="default: positions of a complete book sum to zero",
        help="Longs without shorts are refused, or the hedgers hold the other side.",
    )


Book = Annotated[NoBook | OwnBook, Field(discriminator="kind")]
