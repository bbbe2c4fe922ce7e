"""Scenarios: round trip, overrides by dotted name, choices by kind, and every mistake in one line."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.record import Record, param
from abm.scenario import Scenario
from abm.scenario.errors import ScenarioError
from abm.scenario.files import shipped
from abm.scenario.overrides import parsed
from abm.scenario.parameters import parameters
from abm.scenario.schema import shape_of

BASELINE = Scenario.load("baseline")
LIQUIDATION = "venues.main.clearing.liquidation"


def refusal(change: dict[str, Any]) -> str:
    with pytest.raises(ScenarioError) as refused:
        BASELINE.with_(change)
    message = str(refused.value)
    assert "\n" not in message
    return message


def written(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_what_is_written_is_read_back_equal(path: Path, tmp_path: Path) -> None:
    scenario = Scenario.load(path)
    again = Scenario.load(written(tmp_path, scenario.to_toml()))
    assert again == scenario
    assert again.hash() == scenario.hash()
    assert scenario.name == path.stem


@settings(max_examples=30, deadline=None)
@given(
    share=st.floats(0, 1),
    step=st.floats(0.5, 5, allow_subnormal=False),
    kind=st.sampled_from(["none", "whole", "just_enough", "fraction"]),
)
def test_round_trip_is_exact(tmp_path_factory: pytest.TempPathFactory, share: float, step: float, kind: str) -> None:
    scenario = BASELINE.with_({"population.cross_share": share, "time.step_seconds": step, LIQUIDATION: kind})
    assert Scenario.load(written(tmp_path_factory.mktemp("round"), scenario.to_toml())) == scenario


def test_overrides_reach_members_by_name_and_leave_the_original_alone() -> None:
    changed = BASELINE.with_({"assets.BTC.tick": 20.0, "population.cross_share": 0.5})
    assert changed.assets[0].tick == 20.0
    assert changed.assets[1] == BASELINE.assets[1]
    assert changed.population.cross_share == 0.5
    assert BASELINE.assets[0].tick == 10.0
    assert changed.hash() != BASELINE.hash()
    assert changed.with_({"assets.BTC.tick": 10.0, "population.cross_share": 1.0}).hash() == BASELINE.hash()


def test_a_star_names_every_member() -> None:
    venues = Scenario.load("two_venues").with_({"venues.*.taker_fee": 0.001}).venues
    assert [venue.taker_fee for venue in venues] == [0.001, 0.001]


def test_a_list_replaces_the_list() -> None:
    assert BASELINE.with_({"world.shocks": []}).world.shocks == ()


def test_layers_of_a_waterfall_go_by_kind_and_plain_names_are_layers() -> None:
    house = "venues.main.clearing"
    changed = BASELINE.with_({f"{house}.waterfall": ["adl", "skin_in_the_game", {"kind": "gains_haircut", "cap": 0.5}]})
    changed = changed.with_({f"{house}.waterfall.skin_in_the_game.share": 0.01})
    adl, skin, cut = changed.venues[0].clearing.waterfall
    assert (adl.kind, skin.share, cut.cap) == ("adl", 0.01, 0.5)
    named = {parameter.name: parameter.value for parameter in parameters(changed)}
    assert named[f"{house}.waterfall.skin_in_the_game.share"] == 0.01
    again = Scenario.model_validate(tomllib.loads(changed.to_toml()))
    assert again == changed


def test_a_new_kind_starts_from_its_own_defaults() -> None:
    slow = BASELINE.with_({f"{LIQUIDATION}.interval": 60.0, f"{LIQUIDATION}.limit": 0.5})
    chosen = slow.with_({LIQUIDATION: "just_enough"}).venues[0].clearing.liquidation
    assert chosen.kind == "just_enough"
    assert chosen.limit == 0.02  # the default: nothing of the old kind survives, not even what both have
    by_table = slow.with_({f"{LIQUIDATION}.kind": "just_enough", f"{LIQUIDATION}.target": 1.5}).venues[0].clearing.liquidation
    assert (by_table.kind, by_table.target, by_table.limit) == ("just_enough", 1.5, 0.02)
    same = slow.with_({f"{LIQUIDATION}.kind": "fraction"}).venues[0].clearing.liquidation
    assert same.limit == 0.5  # the kind it has already changes nothing
    assert "unknown key" in refusal({LIQUIDATION: "whole", f"{LIQUIDATION}.fraction": 0.5})


def test_none_removes_what_is_optional() -> None:
    recovering = BASELINE.with_({"world.shocks.eth.recovery": 600.0})
    assert recovering.world.shocks[0].recovery == 600.0
    assert recovering.with_({"world.shocks.eth.recovery": "none"}) == BASELINE


def test_a_file_states_only_what_differs(tmp_path: Path) -> None:
    written(tmp_path, BASELINE.to_toml(), "base.toml")
    mine = written(tmp_path, 'base = "base.toml"\nname = "mine"\n[assets.SOL]\nlot = 0.2\n[venues.main.clearing]\nadl = "none"\n')
    scenario = Scenario.load(mine)
    assert scenario.assets[2].lot == 0.2
    assert scenario == BASELINE.with_({"name": "mine", "assets.SOL.lot": 0.2, "venues.main.clearing.adl": "none"})
    assert "base = " not in scenario.to_toml()


def test_a_replayed_file_is_sought_beside_the_scenario_and_counts_by_its_content(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "prices.csv").write_text("time,BTC\n0,1\n9000,2\n")
        written(tmp_path / folder, BASELINE.to_toml() + '\n[world.path]\nfile = "prices.csv"\n')
    one, two = (Scenario.load(tmp_path / folder / "mine.toml") for folder in ("one", "two"))
    assert one.world.path is not None and one.world.path.file == str(tmp_path / "one" / "prices.csv")
    assert one.hash() == two.hash()
    one.check_files()
    (tmp_path / "two" / "prices.csv").write_text("time,BTC\n0,1\n9000,-2\n")
    assert one.hash() != two.hash()
    with pytest.raises(ScenarioError, match=r"world.path.file: .*row 3.*must be above 0"):
        two.check_files()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"population.cross_shar": 0.5}, "unknown key population.cross_shar (= 0.5); did you mean 'cross_share'?"),
        ({"assets.BCT.tick": 1.0}, "unknown key assets.BCT (= {'tick': 1.0}); did you mean 'BTC'?"),
        ({"populaton.cross_share": 0.5}, "did you mean 'population'?"),
        ({"population.cross_share": 1.5}, "population.cross_share must be in [0, 1], was 1.5"),
        ({"population.cross_share": "half"}, "population.cross_share must be a number, was 'half'"),
        ({"population.cross_share": True}, "population.cross_share must be a number, was true"),
        ({"makers.count": True}, "makers.count must be a whole number, was true"),
        ({"makers.count": 6.0}, "makers.count must be a whole number, was 6.0"),
        ({"makers.common_capital": 1}, "makers.common_capital must be true or false, was 1"),
        ({"population.cross_share": float("nan")}, "population.cross_share must be finite, was nan"),
        ({LIQUIDATION: "whol"}, f"{LIQUIDATION} must be one of none, whole, just_enough, fraction"),
        ({f"{LIQUIDATION}.cooldown": -1.0}, f"{LIQUIDATION}.cooldown must be >= 0, was -1.0"),
        ({"venues.main.clearing.deficit_by": "los"}, "must be one of notional, loss, margin, was 'los'; did you mean 'loss'?"),
        ({"assets.BTC": 3}, "assets.BTC must be a table, was 3"),
        ({"assets": {}}, ""),
        ({"makers.levels": 3}, "makers: levels must be even"),
        ({"a..b": 1}, "'a..b' is no dotted name"),
    ],
)
def test_a_mistake_names_key_value_and_rule(change: dict[str, Any], said: str) -> None:
    if said:
        assert said in refusal(change)
    else:
        assert BASELINE.with_(change) == BASELINE


@pytest.mark.parametrize(
    ("change", "said"),
    [
        # 10 x 0.00015 = 0.0015 USD = 1.5 cash units
        ({"assets.BTC.lot": 0.00015}, "assets.BTC.lot: tick x lot must be a whole number of cash units"),
        ({"assets.BTC.tick": 3.0}, "assets.BTC.price must be a whole number of ticks of 3, was 100000; 99999 would do"),
        ({"assets.BTC.tick": 200.0}, "assets.BTC.tick: the opening price must be 1,000 to 100,000 ticks, was 500"),
        ({"assets.BTC.open_interest": 1e14}, "sums of money would overflow 64 bits"),
        ({"assets.ETH.name": "BTC"}, "assets: names must be unique, 'BTC' occurs twice"),
        ({"assets.ETH.name": "E.TH"}, "name must be letters, digits, - and _ only, was 'E.TH'"),
        ({"name": "../up"}, "name must be letters"),
        ({"venues.main.share": 0.5}, "venues.*.share must sum to 1, was 0.5 = 0.5"),
        ({"time.burn_in": 3600.0}, "time: burn_in must be below duration=3600 s, was 3600"),
        ({f"{LIQUIDATION}.interval": 2.0}, f"{LIQUIDATION}.interval must be at least one step (time.step_seconds=5 s), was 2"),
        ({f"{LIQUIDATION}.cooldown": 2.0}, "must be at least one step (time.step_seconds=5 s) or 0, was 2"),
        ({"world.shocks.eth.ramp": 2.0}, "world.shocks.eth.ramp must be at least one step"),
        (
            {"venues.main.clearing.waterfall": ["fund", "adl", "fund"]},
            "venues.main.clearing.waterfall: layers must not repeat, 'fund' occurs twice",
        ),
        ({"venues.main.clearing.waterfall": ["fond"]}, "was 'fond'; did you mean 'fund'?"),
        ({"venues.main.clearing.waterfall.fond.share": 0.1}, "unknown key venues.main.clearing.waterfall.fond"),
        ({"venues.main.clearing.members.count": 2}, "venues.main.clearing: members.count = 2 needs the layer 'member'"),
        (
            {"venues.main.clearing": {"fund_scope": "group", "fund_groups": [["BTC", "ETC"]]}},
            "venues.main.clearing.fund_groups names 'ETC', not an asset; did you mean 'ETH'?",
        ),
        ({"world.shocks.eth.assets": ["ETC"]}, "unknown asset 'ETC'; did you mean 'ETH'?"),
        ({"world.shocks.eth.at": 4000.0}, "it strikes after the end of the run"),
        ({"world.fundamentals.correlation": [[1.0, 0.5], [0.5, 1.0]]}, "correlation is a matrix for 2 assets"),
        (
            {"venues.main.clearing.margin.brackets": {"BCT": [{"floor": 0.0, "initial_rate": 0.1, "maintenance_rate": 0.05}]}},
            "venues.main.clearing.margin.brackets names 'BCT', not an asset; did you mean 'BTC'?",
        ),
    ],
)
def test_rules_over_several_fields(change: dict[str, Any], said: str) -> None:
    assert said in refusal(change)


@pytest.mark.parametrize("key", [f"{LIQUIDATION}.cooldown", "world.shocks.eth.ramp"])
def test_a_duration_of_zero_is_not_shorter_than_a_step(key: str) -> None:
    changed = BASELINE.with_({key: 0.0})
    assert {row.name: row.value for row in parameters(changed)}[key] == 0.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "not valid TOML"),
        ("name = 'x'\nname = 'y'", "not valid TOML"),
        ("base = 3", "base must be the name of a file, was 3"),
        ("base = 'mine.toml'", "leads back to mine.toml"),
        ("base = 'nowhere.toml'", "nowhere.toml"),
        ("name = 'x'", "question is missing"),
    ],
)
def test_an_unusable_file_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ScenarioError) as refused:
        Scenario.load(path)
    assert said in str(refused.value)
    assert str(tmp_path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="no scenario 'baselin'; did you mean 'baseline'"):
        Scenario.load("baselin")
    with pytest.raises(ScenarioError, match="is a directory"):
        Scenario.load(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match="not a text file"):
        Scenario.load(tmp_path / "binary.toml")


def test_the_grid_is_exact_decimal_arithmetic() -> None:
    # in floats 0.1 x 0.01 / 0.001 = 1.0000000000000002; 4000 / 0.1 = 40000 ticks
    instruments = BASELINE.with_({"assets.ETH.tick": 0.1}).instruments()
    assert instruments.unit.tolist() == [10, 1, 2, 1]  # tick x lot / 0.001: 10 x .001, .1 x .01, .02 x .1, .0001 x 10
    assert instruments.opening_tick.tolist() == [10_000, 40_000, 10_000, 10_000]
    assert instruments.ladder_ticks.tolist() == [40_000, 160_000, 40_000, 40_000]
    assert instruments.names == ("BTC", "ETH", "SOL", "ALT")


def test_instruments_of_two_venues() -> None:
    instruments = Scenario.load("two_venues").instruments()
    assert instruments.names[3:6] == ("ALT@alpha", "BTC@beta", "ETH@beta")
    assert instruments.asset.tolist() == [0, 1, 2, 3, 0, 1, 2, 3]
    assert instruments.venue.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_the_overflow_bound_holds_to_the_unit() -> None:
    # 2 sides x headroom 64 x ladder 4 = 512; 2^62 / 512 x 0.001 USD = 9.007e12 USD over all assets, 100e6 of them not BTC's
    bound = 2**62 / 512 * 0.001
    BASELINE.with_({"assets.BTC.open_interest": bound * 0.999 - 100e6})
    refusal({"assets.BTC.open_interest": bound - 100e6})


@pytest.mark.parametrize("name", [path.stem for path in shipped()])
def test_every_parameter_says_its_unit_source_and_help(name: str) -> None:
    rows = list(parameters(Scenario.load(name)))
    assert len({row.name for row in rows}) == len(rows)
    bare = [row.name for row in rows if not (row.unit and row.source and row.help)]
    assert not bare


def test_every_parameter_can_be_set_to_its_own_value_by_its_name() -> None:
    rows = {row.name: "none" if row.value is None else row.value for row in parameters(BASELINE)}
    assert BASELINE.with_(rows) == BASELINE


def test_optional_parameters_are_absent_by_default() -> None:
    """Otherwise a file could not say `none` and be read back equal."""

    def optionals(record: Record) -> list[Any]:
        found = []
        for name, field in type(record).model_fields.items():
            if shape_of(field.annotation).optional and field.default is not None:
                found.append(name)
            value = getattr(record, name)
            for inner in value if isinstance(value, tuple) else (value,):
                found += optionals(inner) if isinstance(inner, Record) else []
        return found

    assert optionals(BASELINE) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=1", 1),
        ("a = 1.0", 1.0),
        ("a=true", True),
        ("a=whole", "whole"),
        ("a='b c'", "b c"),
        ("a=[]", []),
        ("a=x=y", "x=y"),
        ("a=", ""),
        ("a=1\nb=2", "1\nb=2"),
    ],
)
def test_values_of_the_command_line_are_toml_or_text(text: str, value: Any) -> None:
    key, read = parsed(text)
    assert (key, read) == ("a", value)
    assert type(read) is type(value)


def test_an_override_without_equals_sign_is_refused() -> None:
    with pytest.raises(ScenarioError, match="must be KEY=VALUE"):
        parsed("population.cross_share")


def test_records_convert_nothing_but_whole_numbers_and_lists() -> None:
    class Desk(Record):
        rate: float = param(0.0, unit="1", source="test", help="A number.")
        legs: tuple[float, ...] = param((), unit="1", source="test", help="A list.")

    assert Desk.model_validate({"rate": 1, "legs": [1, 2.5]}) == Desk(rate=1.0, legs=(1.0, 2.5))
    for wrong in ({"rate": "1"}, {"rate": True}, {"legs": ["1"]}, {"other": 1}):
        with pytest.raises(ValueError, match="1 validation error"):
            Desk.model_validate(wrong)
