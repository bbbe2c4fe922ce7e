"""The page without a browser: its buttons, lists and sliders act on the visitor's own run, and mistakes are told in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import solara
from ipyvue import VueTemplate
from ipyvuetify import Btn, Html, Select, Slider, TextField

from abm.view import page as module
from abm.view.page_name import OPENING
from tests.small_worlds import world


@pytest.fixture(name="opened")
def _opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A function that renders a page of its own and returns what finds its parts."""
    file = tmp_path / "small.toml"
    file.write_text(world({"population.crowd.leverage_median": 12.0}).to_toml(), encoding="utf-8")
    monkeypatch.setenv(OPENING, str(file))
    pages = []

    def open_one() -> Any:
        _, page = solara.render(solara.AppLayout(children=[module.Page()]), handle_error=False)
        pages.append(page)
        return page

    yield open_one
    for page in pages:
        page.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "view"]


def board(page: Any) -> Any:
    """The widget with the drawings."""
    return next(found for found in page.find(VueTemplate).widgets if hasattr(found, "ladder"))


def press(page: Any, name: str) -> None:
    """A button of the side bar."""
    page.find(Btn, children=[name]).widget.click()


def shown(page: Any, step: int) -> bool:
    """Whether the key numbers tell this step."""
    return f"<span>step</span><b>{step} of " in board(page).numbers


def test_step_and_reset_act_on_the_run_of_this_page_only(opened: Any) -> None:
    mine, yours = opened(), opened()
    press(mine, "Step")
    press(mine, "Step")
    assert shown(mine, 2)
    assert shown(yours, 0)
    press(mine, "Reset")
    assert shown(mine, 0)


def test_only_what_changed_is_sent(opened: Any) -> None:
    page = opened()
    before = {name: getattr(board(page), name) for name in ("prices", "losses", "forest", "account", "frame")}
    press(page, "Step")
    same = {name for name, html in before.items() if getattr(board(page), name) == html}
    assert {"losses", "account"} <= same
    assert not {"prices", "frame"} & same


def test_a_seed_typed_by_hand_begins_anew_and_nonsense_is_told(opened: Any) -> None:
    page = opened()
    press(page, "Step")
    type_seed(page, "7")
    assert shown(page, 0)
    assert page.find(TextField, label="Seed").widget.v_model == "7"
    type_seed(page, "seven")
    assert "seed must be a whole number" in board(page).message
    press(page, "Reset")
    assert board(page).message == ""


def type_seed(page: Any, words: str) -> None:
    """Into the field, and leave it."""
    field = page.find(TextField, label="Seed").widget
    field.v_model = words
    field.fire_event("focusout", None)


def test_a_slider_let_go_begins_the_changed_run(opened: Any) -> None:
    page = opened()
    press(page, "Step")
    slider = page.find(Slider, min=-0.6, max=0.3).widget
    assert slider.v_model == -0.25
    slider.v_model = -0.4
    assert shown(page, 1), "nothing begins anew while it is dragged"
    slider.fire_event("change", -0.4)
    assert shown(page, 0)
    assert any("size=-0.4" in str(text) for text in repeat_of(page))


def repeat_of(page: Any) -> list[str]:
    """Texts on the page that tell the command line."""
    texts = [str(child) for found in page.find(Html, tag="span").widgets for child in found.children]
    return [text for text in texts if text.startswith("Repeat this run:")]


def test_an_impossible_parameter_is_a_message_on_the_page(opened: Any) -> None:
    page = opened()
    slider = page.find(Slider, min=-0.6, max=0.3).widget
    slider.fire_event("change", -3.0)
    assert "size" in board(page).message
    assert "\n" not in board(page).message
    assert shown(page, 0)


def test_a_twin_is_drawn_as_a_second_line(opened: Any) -> None:
    page = opened()
    for _ in range(3):
        press(page, "Step")
    assert "twin" not in board(page).prices.lower()
    page.find(Select, label="Twin").widget.v_model = "no_impact"
    assert shown(page, 3), "the run is brought back to where it was"
    assert "var(--twin)" in board(page).prices


def test_a_click_tells_an_account_and_another_closes_it(opened: Any) -> None:
    page = opened()
    board(page).vue_pick({"account": 5})
    assert "Account 5" in board(page).account
    board(page).vue_pick({"account": -1})
    assert board(page).account == ""
    board(page).vue_pick({"panel": "prices", "x": 500.0, "y": 40.0})
    assert "Book of ETH" in board(page).ladder


def test_the_drawings_take_the_size_of_their_place(opened: Any) -> None:
    page = opened()
    board(page).vue_sized({"matrix": [333, 222]})
    assert 'viewBox="0 0 333 222"' in board(page).matrix
