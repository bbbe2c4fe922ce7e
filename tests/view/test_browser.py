"""The page in a real browser, on a small world: what a visitor does, and what the page says then."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from abm.scenario import Scenario
from abm.view.controls import controls
from tests.small_worlds import played
from tests.view.conftest import serving
from tests.view.visitor import Visitor

pytestmark = pytest.mark.browser
Visit = Callable[[str], Visitor]
STEPS, SHOCK = 60, 6


def slider(small: str, name: str) -> int:
    """The number of a parameter's slider among those of the page."""
    sliders = [control.name for control in controls(Scenario.load(small)) if not control.choices]
    return sliders.index(name)


def test_it_steps_and_resets_for_each_visitor_alone(url: str, visit: Visit) -> None:
    mine = visit(url)
    mine.press("Step")
    mine.wait_for_step(1)
    yours = visit(url)
    assert yours.step() == 0
    mine.press("To shock")
    mine.wait_for_step(SHOCK)
    mine.button("Play").wait_for()
    assert mine.step() == SHOCK
    mine.press("Reset")
    mine.wait_for_the_opening()
    yours.press("Step")
    yours.wait_for_step(1)
    assert mine.step() == 0


def test_it_plays_pauses_and_stays_where_it_was(url: str, visit: Visit) -> None:
    visitor = visit(url)
    visitor.choose("Speed, steps a second", "1")
    visitor.press("Play")
    visitor.wait_for_step(2)
    visitor.press("Pause")
    visitor.button("Play").wait_for()
    stopped = visitor.step()
    assert 2 <= stopped < STEPS
    visitor.press("Step")
    visitor.wait_for_step(stopped + 1)
    assert visitor.step() == stopped + 1


def test_a_slider_changes_the_outcome_and_reset_repeats_it(url: str, visit: Visit, small: str) -> None:
    visitor = visit(url)
    before = visitor.play_to_the_end(STEPS)
    visitor.slide(slider(small, "world.shocks.fall.size"), "Home")
    visitor.wait_for_the_opening()
    visitor.page.get_by_text("--set world.shocks.fall.size=-0.6").wait_for()
    visitor.press("Play")
    visitor.wait_for_step(STEPS)
    after = visitor.numbers()
    assert before["step"] == after["step"]
    assert float(after["low of BTC"].split()[0]) < float(before["low of BTC"].split()[0]) < 0
    visitor.press("Reset")
    visitor.wait_for_the_opening()
    visitor.press("Play")
    visitor.wait_for_step(STEPS)
    assert visitor.numbers() == after


def test_the_seed_is_edited_by_hand(url: str, visit: Visit, small: str) -> None:
    visitor = visit(url)
    visitor.sow("3", "--seed 3")
    numbers = visitor.play_to_the_end(STEPS)
    records = played(Scenario.load(small), seed=3)
    assert numbers["accounts seized"] == str(len(set(records.events["account"][records.events["kind"] == 0].tolist())))
    mark = records.per_instrument["mark"][:, 0] / records.meta.instruments.opening_tick[0]
    assert numbers["low of BTC"] == f"{100 * (mark.min() - 1):.1f} %"
    visitor.sow("abc", "seed must be a whole number")
    assert visitor.numbers() == numbers, "what cannot be done changes nothing"


def test_a_link_reproduces_a_run(url: str, visit: Visit) -> None:
    visitor = visit(f"{url}?scenario=null&seed=7")
    visitor.page.get_by_text("python run.py run null --seed 7").wait_for()
    assert visitor.numbers()["step"] == f"0 of {Scenario.load('null').time.steps}"


@pytest.mark.parametrize(
    ("asked", "said"), [("seed=abc", "seed must be a whole number"), ("scenario=nowhere", "no scenario 'nowhere' here")]
)
def test_a_link_that_leads_nowhere_is_told(url: str, visit: Visit, asked: str, said: str) -> None:
    visit(f"{url}?{asked}").page.get_by_text(said).wait_for()


def test_an_impossible_parameter_is_told_and_changes_nothing(url: str, visit: Visit, small: str) -> None:
    visitor = visit(url)
    visitor.press("Step")
    visitor.wait_for_step(1)
    visitor.slide(slider(small, "world.fundamentals.correlation"), "Home")
    visitor.page.get_by_text("correlation of 2 assets must be in (-1, 1], was -1").wait_for()
    assert visitor.step() == 1
    assert "Traceback" not in visitor.page.inner_text("body")


def test_a_twin_draws_a_second_line(url: str, visit: Visit) -> None:
    visitor = visit(url)
    visitor.play_to_the_end(STEPS)
    alone = visitor.page.locator(".panel-prices svg path").count()
    visitor.choose("Twin", "no_liquidation")
    visitor.page.locator(".cascade-board .key i", has_text=re.compile("twin 0$")).first.wait_for()  # nobody is seized in it
    assert visitor.step() == STEPS, "the run is where it was"
    assert visitor.page.locator(".panel-prices svg path").count() > alone


def test_a_click_tells_the_history_of_an_account(url: str, visit: Visit) -> None:
    visitor = visit(url)
    visitor.press("To shock")
    visitor.wait_for_step(SHOCK)
    seized = visitor.page.locator(".cascade-board ol.log li[data-account]", has_text="seized")
    while not seized.count():
        number = visitor.step()
        assert number < STEPS, "somebody is seized in this world"
        visitor.press("Step")
        visitor.wait_for_step(number + 1)
    account = seized.first.get_attribute("data-account")
    seized.first.click()
    told = visitor.page.locator(".panel-account", has_text=f"Account {account}").inner_text()
    assert "equity" in told
    assert "seized" in told.lower()
    assert "after losses" in told or "lost in" in told, "and why"


def test_a_server_ends_on_sigterm_while_it_is_watched_and_leaves_no_child(visit: Visit, small: str) -> None:
    with serving(small) as (server, address):
        visitor = visit(address)
        visitor.press("Play")
        visitor.wait_for_step(1)
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=60) in (0, -signal.SIGTERM)
        with pytest.raises(ProcessLookupError):  # nobody of its group is left behind
            os.killpg(server.pid, 0)
        visitor.page.close()
        visitor.complaints.clear()  # that the line was cut


def test_screenshots_are_kept(url: str, visit: Visit, shots: Path) -> None:
    visitor = visit(url)
    visitor.press("Step")
    visitor.wait_for_step(1)
    for name, step in (("calm", 1), ("cascade", SHOCK + 8), ("after", STEPS)):
        while visitor.step() < step:
            number = visitor.step()
            visitor.press("Step")
            visitor.wait_for_step(number + 1)
        picture: Any = visitor.page.screenshot(path=str(shots / f"{name}.png"))
        assert picture.startswith(b"\x89PNG")
