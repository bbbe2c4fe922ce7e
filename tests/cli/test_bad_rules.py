"""A mistake in the rulebook of a house costs one line and exit code 2, whatever the rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from abm.cli.main import main

CLEARING = "[venues.main.clearing"
BRACKET = "{{ floor = {}, initial_rate = {}, maintenance_rate = {} }}"


def ladder(*brackets: tuple[float, float, float]) -> str:
    return f"[{', '.join(BRACKET.format(*bracket) for bracket in brackets)}]"


CASES = {
    "maintenance above initial": (
        f"{CLEARING}.margin]\nbrackets.BTC = {ladder((0, 0.1, 0.2))}",
        "margin.maintenance_rate must be in (0, initial_rate=0.1], was 0.2",
    ),
    "brackets that fall": (
        f"{CLEARING}.margin]\nbrackets.BTC = {ladder((0, 0.1, 0.05), (9, 0.2, 0.1), (5, 0.3, 0.2))}",
        "margin.brackets.BTC: floor must be above 9, was 5",
    ),
    "rates that fall": (
        f"{CLEARING}.margin]\nbrackets.BTC = {ladder((0, 0.2, 0.1), (9, 0.2, 0.05))}",
        "maintenance_rate at floor 9 must be at least 0.1, was 0.05",
    ),
    "no brackets": (f"{CLEARING}.margin]\nbrackets.BTC = []", "venues.main.clearing.margin.brackets"),
    "brackets of no asset": (
        f"{CLEARING}.margin]\nbrackets.BTX = {ladder((0, 0.1, 0.05))}",
        "venues.main.clearing.margin.brackets names 'BTX', not an asset; did you mean 'BTC'?",
    ),
    "brackets of no asset, inside": (
        f'{CLEARING}.margin]\nkind = "dynamic"\nbase.brackets.BTX = {ladder((0, 0.1, 0.05))}',
        "venues.main.clearing.margin.base.brackets names 'BTX', not an asset",
    ),
    "leverage of no asset": (
        f'{CLEARING}.margin]\nkind = "half_initial"\nmax_leverage.BTX = 10.0',
        "venues.main.clearing.margin.max_leverage names 'BTX', not an asset",
    ),
    "leverage below 1": (
        f'{CLEARING}.margin]\nkind = "half_initial"\nmax_leverage.BTC = 0.0',
        "margin.max_leverage of BTC must be >= 1, was 0",
    ),
    "price range of no asset": (
        f'{CLEARING}.margin]\nkind = "portfolio"\ngrid.kind = "okx"\ngrid.price_ranges.BTX = 0.2',
        "venues.main.clearing.margin.grid.price_ranges names 'BTX', not an asset",
    ),
    "factors crossed": (
        f'{CLEARING}.margin]\nkind = "portfolio"\ngrid.maintenance_factor = 2.0',
        "margin.grid.maintenance_factor must be at most initial_factor=1.1, was 2",
    ),
    "not positive semi-definite": (
        "[world.fundamentals]\n"
        "correlation = [[1.0, 0.9, -0.9, 0.0], [0.9, 1.0, 0.9, 0.0], [-0.9, 0.9, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]",
        "world.fundamentals.correlation: correlation must be positive semi-definite",
    ),
    "no such policy": (
        f'{CLEARING}.liquidation]\nkind = "just_enuf"',
        "liquidation must be one of none, whole, just_enough, fraction, was 'just_enuf'; did you mean 'just_enough'?",
    ),
    "no such rule": (f'{CLEARING}]\nmargin = "tired"', "did you mean 'tiered'?"),
    "no such add-on": (f'{CLEARING}]\nconcentration = "add"', "venues.main.clearing.concentration must be one of none, addon"),
    "threshold above 1": (
        f'{CLEARING}.concentration]\nkind = "addon"\nthreshold = 1.5',
        "venues.main.clearing.concentration.threshold must be in [0, 1], was 1.5",
    ),
    "no table": (
        f'{CLEARING}.margin]\nbrackets_file = "nowhere.csv"',
        "venues.main.clearing.margin.brackets_file: ",
    ),
    "contracts without a table": (
        f'{CLEARING}.margin]\ncontracts.BTC = "BTC/USDT:USDT"',
        "margin.contracts needs margin.brackets_file",
    ),
    "contract of no asset": (
        f'{CLEARING}.margin]\nbrackets_file = "table.csv"\ncontracts.BTX = "BTC"',
        "venues.main.clearing.margin.contracts names 'BTX', not an asset; did you mean 'BTC'?",
    ),
    "a table with a mistake": (
        f'{CLEARING}.margin]\nkind = "dynamic"\nbase.brackets_file = "table.csv"',
        "venues.main.clearing.margin.base.brackets_file: ",
    ),
    "no such file of rules": (f'{CLEARING}]\nmargin = "mine.py:Rule"', "venues.main.clearing.margin: there is no file"),
    "no such book": (
        '[population.book]\nkind = "files"\naccounts = "nowhere.csv"',
        "population.book.accounts: ",
    ),
    "a book without accounts": ('[population]\nbook = "files"', "population.book.accounts is missing"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_in_a_rule_costs_one_line(name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text, said = CASES[name]
    (tmp_path / "table.csv").write_text("symbol,min_notional,mmr,max_leverage\nBTC,0,0.2,10\n")
    bad = tmp_path / "bad.toml"
    bad.write_text(f'base = "baseline"\nname = "bad"\n{text}\n')
    assert main(["validate", str(bad)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"error: {bad}: ") and printed.err.count("\n") == 1
    assert said in printed.err


def test_presets_may_name_assets_that_are_not_there(tmp_path: Path) -> None:
    good = tmp_path / "good.toml"
    good.write_text(f'base = "baseline"\nname = "good"\n{CLEARING}.margin]\nkind = "portfolio"\ngrid.kind = "okx"\n')
    assert main(["validate", str(good)]) == 0  # LTC and XRP have ranges of their own in it


def test_a_table_of_brackets_replays_from_the_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "table.csv"
    rows = [f"{asset},0,0.02,20" for asset in ("BTC", "ETH", "SOL", "ALT")]
    table.write_text("\n".join(["symbol,min_notional,mmr,max_leverage", *rows]))
    mine = tmp_path / "mine.toml"
    short = "time.duration = 60.0\ntime.burn_in = 30.0\nworld.shocks = []\n"
    mine.write_text(f'base = "baseline"\nname = "mine"\n{short}{CLEARING}.margin]\nbrackets_file = "table.csv"\n')
    out = tmp_path / "elsewhere" / "out"
    assert main(["run", str(mine), "--no-twins", "--json", "--out", str(out)]) == 0
    from abm.scenario import Scenario

    before = Scenario.load(mine).hash()
    assert Scenario.load(out / "scenario.toml").hash() == before
    table.write_text(table.read_text().replace("BTC,0,0.02", "BTC,0,0.03"))
    assert Scenario.load(out / "scenario.toml").hash() != before  # the content counts
