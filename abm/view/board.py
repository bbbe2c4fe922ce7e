"""The board: every panel of one moment as pieces of a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from abm.view.panels.account import account
from abm.view.panels.accounts import accounts, nearest
from abm.view.panels.cascade import cascade
from abm.view.panels.events import log
from abm.view.panels.figures import strip
from abm.view.panels.forest import forest, seized_at
from abm.view.panels.ladder import ladder
from abm.view.panels.losses import losses
from abm.view.panels.makers import makers
from abm.view.panels.matrix import matrix
from abm.view.panels.prices import book_at, prices
from abm.view.session import Session
from abm.view.svg import Size

# Drawings and their sizes until the page has told how large their places are; also those of what is taken home.
SIZES = {
    "prices": Size(560, 320),
    "accounts": Size(440, 320),
    "cascade": Size(380, 260),
    "forest": Size(380, 260),
    "ladder": Size(380, 300),
    "losses": Size(380, 240),
    "matrix": Size(380, 240),
    "makers": Size(380, 260),
}
LEAST, MOST = Size(180, 120), Size(4000, 3000)  # believed of a page


@dataclass(frozen=True)
class Wish:
    """What a visitor wants to see."""

    book: int = 0  # instrument whose ladder is drawn
    chosen: int | None = None  # account told about
    sizes: Mapping[str, Size] = field(default_factory=lambda: SIZES)


def board(session: Session, wish: Wish) -> dict[str, str]:
    """Panel -> HTML, as the page shows them now."""
    with session.lock:
        run, other = session.run, session.other
        book = min(wish.book, len(run.instruments) - 1)
        chosen = wish.chosen if wish.chosen is not None and 0 <= wish.chosen < len(run.model.ledger) else None
        sizes = wish.sizes
        return {
            "numbers": strip(run, other),
            "prices": prices(run, other, sizes["prices"]),
            "accounts": accounts(run, chosen, sizes["accounts"]),
            "cascade": cascade(run, other, sizes["cascade"]),
            "forest": forest(run, sizes["forest"]),
            "ladder": ladder(run, book, sizes["ladder"]),
            "losses": losses(run, sizes["losses"]),
            "matrix": matrix(run, sizes["matrix"]),
            "makers": makers(run, sizes["makers"]),
            "log": log(run),
            "account": account(run, chosen),
        }


def believed(told: Mapping[str, tuple[float, float]]) -> dict[str, Size]:
    """Sizes of all drawings, of what a page tells those within reason."""
    sizes = dict(SIZES)
    for name in sizes.keys() & told.keys():
        width, height = told[name]
        sizes[name] = Size(
            min(max(round(width), LEAST.width), MOST.width), min(max(round(height), LEAST.height), MOST.height)
        )
    return sizes


def picked(session: Session, wish: Wish, panel: str, x: float, y: float) -> int | None:
    """The account at a place of a drawing, in its own pixels."""
    with session.lock:
        if panel == "accounts":
            return nearest(session.run, wish.sizes[panel], x, y)
        return seized_at(session.run, wish.sizes[panel], x, y) if panel == "forest" else None


def book_picked(session: Session, wish: Wish, x: float, y: float) -> int | None:
    """The first book of the asset whose prices are drawn at a place."""
    with session.lock:
        return book_at(session.run, wish.sizes["prices"], x, y)
