"""The board: every panel of one moment as pieces of a page."""

from __future__ import annotations

from abm.view.panels.accounts import accounts, points
from abm.view.panels.cascade import cascade
from abm.view.panels.events import account, log
from abm.view.panels.figures import strip
from abm.view.panels.forest import forest
from abm.view.panels.ladder import ladder
from abm.view.panels.losses import losses
from abm.view.panels.makers import makers
from abm.view.panels.matrix import matrix
from abm.view.panels.prices import prices
from abm.view.session import Session

Board = list[dict[str, str]]  # `name`, `html`, in the order of the page


def board(session: Session, *, instrument: int = 0, chosen: int | None = None) -> Board:
    """What the page shows now; `instrument` is the book drawn, `chosen` the account told about."""
    with session.lock:
        run, other = session.run, session.other
        instrument = min(instrument, len(run.instruments) - 1)
        if chosen is not None and not 0 <= chosen < len(run.model.ledger):
            chosen = None
        drawn = {
            "keys": strip(run, other),
            "prices": prices(run, other),
            "accounts": accounts(run, chosen),
            "cascade": cascade(run, other),
            "ladder": ladder(run, instrument),
            "events": log(run),
            "forest": forest(run),
            "losses": losses(run),
            "matrix": matrix(run),
            "makers": makers(run),
            "account": account(run, chosen),
        }
    return [{"name": name, "html": html} for name, html in drawn.items()]


def picked(session: Session, panel: str, x: float, y: float) -> int | None:
    """The account at a place of a panel, in the panel's own pixels."""
    with session.lock:
        return points(session.run).nearest(x, y) if panel == "accounts" else None
