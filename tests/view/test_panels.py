"""What is drawn: well formed at every moment of a run, without a number that is none, and showing what is there."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from abm.view import svg
from abm.view.board import SIZES, Wish, believed, board, book_picked, picked
from abm.view.history import History
from abm.view.panels.accounts import axes_of, points
from abm.view.panels.cascade import generations, volumes
from abm.view.panels.ladder import resting
from abm.view.panels.prices import changes
from abm.view.session import Session
from tests.small_worlds import market, world


def test_every_panel_is_well_formed_in_calm_in_the_cascade_and_after(tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    file.write_text(world({"population.crowd.leverage_median": 12.0}).to_toml(), encoding="utf-8")
    session = Session(str(file))
    session.pair("isolated")
    while True:
        wish = Wish(chosen=session.run.seized[-1] if session.run.seized else None)
        for name, html in board(session, wish).items():
            ElementTree.fromstring(f"<div>{html}</div>")
            assert not re.search(r"[\"\s,ML]-?(nan|inf)\b", html), name
        if session.done:
            break
        for _ in range(session.steps // 6):
            session.step()
    drawn = board(session, Wish(chosen=session.run.seized[0]))
    assert "caused mostly by another" in drawn["forest"]
    assert "Seized at" in drawn["account"]
    assert "because its marks were moved by" in drawn["account"]
    assert "the shock strikes" in drawn["log"] or len(session.run.notes) > 10
    assert board(session, Wish())["account"] == "", "nothing is told of nobody"


def test_numbers_of_the_panels_are_those_of_the_model() -> None:
    run = History(market({"population.crowd.leverage_median": 12.0}))
    while run.model.tick < 40:
        run.step()
    records = run.model.records()
    mark = records.per_instrument["mark"][:, 0]
    assert np.allclose(changes(run, 0)["mark"], 100 * (mark / 1000 - 1))  # BTC opens at 1,000 ticks
    assert volumes(run).sum() == pytest.approx(records.per_instrument["forced_value"].sum() * records.meta.cash_unit)
    assert generations(run).sum() == pytest.approx(volumes(run).sum()), "every forced trade belongs to a liquidation"
    seen = points(run)
    lots = np.abs(run.model.ledger.position[seen.account])
    assert np.allclose(seen.notional, lots @ run.model.exchange.price * records.meta.cash_unit)
    depth = run.model.books.depth(run.model.marks.mark, 0.0199)[0] * run.instruments.lot_size[0]
    assert resting(run, 0).sum() >= depth.sum() > 0


def test_a_click_finds_the_account_under_it(tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    file.write_text(world().to_toml(), encoding="utf-8")
    session = Session(str(file))
    seen, axes, wish = points(session.run), axes_of(SIZES["accounts"]), Wish()
    x, y = float(seen.x(axes)[0]), float(seen.y(axes)[0])
    found = picked(session, wish, "accounts", x, y)
    assert found is not None
    row = int(np.flatnonzero(seen.account == found)[0])
    assert (float(seen.x(axes)[row]), float(seen.y(axes)[row])) == (x, y)
    assert picked(session, wish, "accounts", -500.0, -500.0) is None
    assert picked(session, wish, "prices", x, y) is None
    assert picked(session, wish, "forest", x, y) is None, "nobody has been seized"


def test_a_click_on_prices_opens_that_book(tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    file.write_text(world().to_toml(), encoding="utf-8")
    session, (width, height) = Session(str(file)), SIZES["prices"]
    assert session.run.instruments.names[:2] == ("BTC", "ETH")
    assert book_picked(session, Wish(), 0.2 * width, 0.2 * height) == 0
    assert book_picked(session, Wish(), 0.8 * width, 0.2 * height) == 1
    assert book_picked(session, Wish(), -5.0, 10.0) is None


def test_drawings_have_the_size_that_the_page_tells_within_reason() -> None:
    sizes = believed({"prices": (700.4, 333.0), "forest": (-1.0, 1e9), "nonsense": (1.0, 1.0)})
    assert sizes["prices"] == (700, 333)
    assert sizes["forest"] == (180, 3000)
    assert sizes["matrix"] == SIZES["matrix"]
    assert sizes.keys() == SIZES.keys()


def test_thinning_keeps_the_extremes_and_the_end() -> None:
    y = np.sin(np.arange(5000) / 50.0)
    y[1234], y[3210] = 9.0, -9.0
    x, thin = svg.thinned(np.arange(5000.0), y)
    assert len(x) <= svg.POINTS_MAX + 64
    assert (thin.max(), thin.min(), x[-1]) == (9.0, -9.0, 4999.0)


def test_a_line_breaks_where_a_number_is_missing() -> None:
    drawn = svg.line(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 1.0, np.nan, 3.0]), stroke="red")
    assert 'd="M0 0L10 10M30 30"' in drawn  # in tenths of pixels


TICKS = [(0.0, 10.0, [0.0, 5.0, 10.0]), (-1.0, 1.0, [-1.0, 0.0, 1.0]), (2.0, 2.0, [2.0])]


@pytest.mark.parametrize(("low", "high", "ticks"), TICKS)
def test_ticks_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert svg.nice(low, high, 2) == ticks


def test_words_are_escaped() -> None:
    assert "&lt;b&gt;" in svg.text(0, 0, "<b>")
