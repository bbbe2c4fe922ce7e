"""The shipped scenarios load and run with exact books; the patterns and the replay say what they need."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from abm.clearing.journal import EventKind
from abm.figures.pattern import pattern
from abm.scenario import Scenario
from abm.scenario.files import EXPERIMENTS, shipped
from abm.twins import Task, simulate
from tests.measures.by_hand import instruments, records

RECORDED = EXPERIMENTS.parents[1] / "shared" / "data" / "oct10_2025_1min_trades_multi.parquet"

SHIPPED = {path.stem: path for path in shipped()}
# Cut to the onset and a little after: seconds of the run that reach the first forced orders
SHORT = {
    "wrong_way": {"time.duration": 300.0, "time.burn_in": 60.0, "world.shocks.eth.at": 60.0, "world.shocks.eth.ramp": 60.0},
    "critical": {"time.duration": 300.0, "time.burn_in": 60.0, "world.shocks.eth.at": 60.0, "world.shocks.eth.ramp": 60.0},
    "two_venues": {"time.duration": 300.0, "time.burn_in": 60.0, "world.shocks.eth.at": 60.0, "world.shocks.eth.ramp": 60.0},
    "october_2025": {
        "time.duration": 420.0,
        "time.burn_in": 60.0,
        "world.shocks.first_leg.at": 60.0,
        "world.shocks.first_leg.ramp": 60.0,
        "world.shocks.second_leg.at": 120.0,
        "world.shocks.second_leg.ramp": 60.0,
    },
}


def script(name: str) -> ModuleType:
    """A script of experiments/, as `python experiments/<name>.py` finds it."""
    sys.path.insert(0, str(EXPERIMENTS))
    try:
        spec = importlib.util.spec_from_file_location(name, EXPERIMENTS / f"{name}.py")
        assert spec is not None and spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(EXPERIMENTS))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_scenario_loads_and_is_filed_under_its_own_name(name: str) -> None:
    scenario = Scenario.load(SHIPPED[name])
    assert scenario.name == name
    assert scenario.question.endswith("?")


def test_the_scenarios_of_the_readme_are_the_shipped_ones() -> None:
    assert set(SHIPPED) == {"baseline", "null", "critical", "october_2025", "two_venues", "million", "wrong_way"}


@pytest.mark.parametrize("name", SHORT)
def test_books_and_lots_are_exact_through_a_shortened_crash(name: str) -> None:
    scenario = Scenario.load(name).with_(SHORT[name])
    records = simulate(Task(seed=3, twin="run", scenario=scenario))
    assert records.liquidations["filled"].any(), "nothing was liquidated: the run is too short to try the books"
    assert dict(records.meta.conservation) == {"cash_error": 0, "lots_error": 0}
    borne = sum(int(records.scalars[by].sum()) for by in ("by_fund", "by_keeper", "by_adl", "by_socialised"))
    assert int(records.scalars["deficit"].sum()) == borne  # unallocated loss is 0


def test_october_puts_in_what_the_market_had_fallen_by_the_onset() -> None:
    scenario = Scenario.load("october_2025")
    first, second = (dict(zip(s.assets, s.size, strict=True)) for s in scenario.world.shocks)  # type: ignore[arg-type]
    both = {asset: (1 + first[asset]) * (1 + second[asset]) - 1 for asset in first}
    # 21:15 UTC against 20:45: -4.5, -7.5, -11.0, -12.6 %, minute closes of Gemini and the median Coinbase pair
    assert both == pytest.approx({"BTC": -0.045, "ETH": -0.075, "SOL": -0.110, "ALT": -0.126}, abs=1e-3)


def test_october_can_be_told_without_its_second_leg() -> None:
    scenario = Scenario.load("october_2025").with_({"world.shocks.second_leg.size": 0.0})
    assert scenario.world.shocks[1].moves(["BTC", "ETH", "SOL", "ALT"]).tolist() == [0.0, 0.0, 0.0, 0.0]


def test_the_two_venues_have_rules_of_their_own_and_traders_between_them() -> None:
    scenario = Scenario.load("two_venues")
    alpha, beta = scenario.venues
    assert alpha.clearing.liquidation.kind != beta.clearing.liquidation.kind
    assert alpha.taker_fee != beta.taker_fee
    assert scenario.population.arbitrage.count > 0


def test_every_point_of_every_pattern_is_a_valid_scenario() -> None:
    for asked in script("patterns").PATTERNS.values():
        scenario = Scenario.load(asked.scenario)
        for point in asked.points.values():
            scenario.with_(dict(point))


def test_venues_part_by_the_widest_gap_of_their_marks_before_and_after_the_shock() -> None:
    # BTC opens at 10,000 ticks on both venues; the shock strikes in step 1: apart 10 ticks before, 100, 400, 50 after
    table = replace(instruments(("BTC@a", "BTC@b"), (0, 0)), venue=np.array([0, 1]))
    marks = {"BTC@a": [10_000, 9_900, 9_500, 9_450], "BTC@b": [10_010, 9_800, 9_100, 9_500]}
    run = records(columns={"mark": marks}, table=table, assets=("BTC",), shocked=(0,))
    assert script("patterns").venue_gaps(run) == pytest.approx({"venue_gap.calm.BTC": 0.001, "venue_gap.crash.BTC": 0.04})


def test_one_venue_has_no_gap() -> None:
    assert script("patterns").venue_gaps(records()) == {}


def test_the_first_auto_deleveraging_is_timed_from_the_first_seizure() -> None:
    events = [
        {"step": 1, "kind": EventKind.ENTERED, "account": 1},
        {"step": 2, "kind": EventKind.ENTERED, "account": 2},
        {"step": 3, "kind": EventKind.ADL, "account": 1},
    ]
    assert script("patterns").first_adl(records(events=events)) == 10.0  # two steps of 5 s
    assert script("patterns").first_adl(records(events=events[:2])) is None


def test_half_of_the_forced_volume_is_timed_from_the_opening() -> None:
    # Fills of 0, 10, 20, 10 by steps of 5 s: half of 40 is passed in the third step, at 15 s
    run = records(columns={"forced_value": {"ETH": [0, 10, 20, 10]}})
    assert script("patterns").forced_half(run) == 15.0
    assert script("patterns").forced_half(records()) is None


def test_the_rebound_is_the_share_of_the_fall_made_good_at_the_end() -> None:
    # ETH falls from 10,000 to 8,000 and ends at 9,500: three quarters of the fall made good; BTC never falls
    run = records(columns={"mark": {"ETH": [10_000, 8_000, 9_000, 9_500]}})
    assert script("patterns").recovered(run) == [None, pytest.approx(0.75)]


def test_a_pattern_prints_its_table_and_writes_rows_medians_and_figure(tmp_path: Path) -> None:
    patterns = script("patterns")
    short = {"time.duration": 60.0, "time.burn_in": 30.0}
    calm = replace(patterns.PATTERNS["calm"], points={"calm": {"world.shocks": [], **short}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(patterns.PATTERNS, "calm", calm)
        told = CliRunner().invoke(patterns.main, ["calm", "--seeds", "2", "--jobs", "1", "--out", str(tmp_path)])
    assert told.exit_code == 0, told.output
    assert "| forced_share | 0 |" in told.output  # a minute without a shock liquidates nobody
    assert {path.name for path in tmp_path.iterdir()} == {"calm.csv", "calm-medians.csv", "calm.png"}
    assert len(pd.read_csv(tmp_path / "calm.csv")) == 2


@pytest.mark.skipif(not RECORDED.is_file(), reason=f"no recorded minutes at ../shared/data/{RECORDED.name}")
def test_the_replayed_minutes_end_at_the_onset_and_hold_its_prices() -> None:
    minutes = script("replay").minutes(RECORDED).set_index("time")
    assert (minutes.index[0], minutes.index[-1]) == (pd.Timestamp("2025-10-10 20:40"), pd.Timestamp("2025-10-10 22:00"))
    onset, later = minutes.loc["2025-10-10 21:15"], minutes.iloc[-1]
    # Gemini closes of 21:14 (BTC traded last at 21:13) and SOL's of 21:14
    assert onset[["BTC", "ETH", "SOL"]].tolist() == [112_000.66, 3_712.94, 184.788]
    assert later.tolist() == onset.tolist()
    assert onset["ALT"] == pytest.approx(1 - 0.126, abs=5e-3)  # median Coinbase pair


def test_without_the_recorded_files_the_replay_says_so_and_ends_well() -> None:
    replay = script("replay")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "RECORDED", Path("absent.parquet"))
        told = CliRunner().invoke(replay.main, [])
    assert told.exit_code == 0
    assert "nothing replayed: no recorded minutes at ../shared/data/absent.parquet" in told.output


def test_the_figure_shows_the_medians_and_their_intervals() -> None:
    table = pd.DataFrame(
        {
            "point": ["-3 %", "-5 %"],
            "measure": "twins.isolated.fall.BTC",
            "median": [0.1, 0.2],
            "low": [0.08, np.nan],
            "high": [0.15, np.nan],
        }
    )
    (axes,) = pattern(table, {"fall": ("twins.isolated.fall.BTC",)}, x="shock").axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["fall BTC (isolated)"]
    assert axes.lines[0].get_ydata().tolist() == [0.1, 0.2]
    (bars,) = [c for c in axes.collections if len(c.get_segments()) == 2]
    assert [segment[:, 1].tolist() for segment in bars.get_segments()] == [pytest.approx([0.08, 0.15]), [0.2, 0.2]]
