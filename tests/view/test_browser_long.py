"""The shipped baseline in a real browser: its numbers are those of the command line, and nothing wears it out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pandas as pd
import pytest

from abm.scenario import Scenario
from abm.view.svg import short
from tests.view.conftest import ROOT, serving
from tests.view.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Visit = Callable[[str], Visitor]
SEED, SECONDS = 5, 30.0


@pytest.fixture(name="url", scope="module")
def _url(chromium: Any) -> Iterator[str]:
    with serving("baseline") as (_, address):
        yield address


def test_the_numbers_are_those_of_the_command_line(url: str, visit: Visit, tmp_path: Path, shots: Path) -> None:
    words = ["run", "baseline", "--seed", str(SEED), "--no-twins", "--json", "--out", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "run.py", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    visitor = visit(f"{url}?scenario=baseline&seed={SEED}")
    visitor.press("To shock")
    visitor.wait_for_step(120)  # 10 min of steps of 5 s
    visitor.page.screenshot(path=str(shots / "baseline-calm.png"))
    visitor.choose("Speed, steps a second", "200")
    visitor.press("Play")
    visitor.wait_for_step(220)
    visitor.page.screenshot(path=str(shots / "baseline-cascade.png"))
    visitor.wait_for_step(720)
    visitor.page.screenshot(path=str(shots / "baseline-after.png"))
    seen = visitor.numbers()
    assert seen["accounts seized"] == f"{told['liquidations']['accounts']:,}"
    assert seen["bad debt, USD"] == short(told["bad_debt"]["total"])
    assert seen["generations"] == str(told["genealogy"]["generations"])
    steps = pd.read_parquet(tmp_path / "out" / "steps.parquet")
    for asset in Scenario.load("baseline").assets:
        assert seen[f"low of {asset.name}"] == f"{100 * (steps[f'{asset.name}.mark'].min() / asset.price - 1):.1f} %"
    assert told["liquidations"]["accounts"] > 100, "there was something to compare"


def test_the_fastest_speed_for_half_a_minute_kills_nothing(url: str, visit: Visit) -> None:
    visitor, steps = visit(url), Scenario.load("baseline").time.steps
    visitor.choose("Speed, steps a second", "200")
    begun, ends = monotonic(), 0
    while monotonic() - begun < SECONDS or not ends:
        visitor.press("Play")
        visitor.wait_for_step(steps)
        visitor.press("Reset")
        visitor.wait_for_the_opening()
        ends += 1
    visitor.press("Step")
    visitor.wait_for_step(1)
    assert visitor.step() == 1
    assert "Traceback" not in visitor.page.inner_text("body")
