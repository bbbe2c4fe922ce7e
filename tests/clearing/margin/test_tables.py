"""Tables of brackets as venues publish them: read without loss, written back, and refused at the row that is wrong."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from abm.clearing.margin.tables import Listed, load, save
from abm.clearing.margin.tiered import Tiered

REAL = "CASCADE_BRACKETS"  # environment variable that names a real table, with the columns below

# Invented contracts. Amounts by continuity: 50,000 x 0.001 = 50; 50 + 250,000 x 0.005 = 1,300; 5,000 x 0.015 = 75
TABLE = """symbol,tier,min_notional,max_notional,mmr,max_leverage,maint_amount_cum
BTC/USDT:USDT,1,0.0,50000.0,0.004,125.0,0.0
BTC/USDT:USDT,2,50000.0,250000.0,0.005,100.0,50.0
BTC/USDT:USDT,3,250000.0,1000000.0,0.01,50.0,1300.0
ALT/USDT:USDT,1,0.0,5000.0,0.01,20.0,0.0
ALT/USDT:USDT,2,5000.0,25000.0,0.025,10.0,75.0
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "brackets.csv"
    path.write_text(TABLE)
    return path


def test_every_number_of_the_table_is_read(table: Path) -> None:
    tables = load(table)
    assert list(tables) == ["BTC/USDT:USDT", "ALT/USDT:USDT"]
    assert [len(ladder) for ladder in tables.values()] == [3, 2]
    assert tables["BTC/USDT:USDT"][1] == Listed(
        floor=50_000.0, ceiling=250_000.0, initial_rate=0.01, maintenance_rate=0.005, max_leverage=100.0, maintenance_amount=50.0
    )


@pytest.mark.parametrize("name", ["copy.csv", "copy.toml", "copy.csv.gz", "copy.toml.gz"])
def test_written_tables_are_read_as_they_were(table: Path, tmp_path: Path, name: str) -> None:
    save(tmp_path / name, load(table))
    assert load(tmp_path / name) == load(table)


def test_a_csv_is_written_as_it_was(table: Path, tmp_path: Path) -> None:
    save(tmp_path / "copy.csv", load(table))
    assert (tmp_path / "copy.csv").read_text() == TABLE


def test_a_changed_file_is_read_again(table: Path) -> None:
    load(table)
    table.write_text(TABLE.replace("0.025,10.0,75.0", "0.0250,8.0,75.0"))
    assert load(table)["ALT/USDT:USDT"][1].max_leverage == 8.0


def test_the_margin_of_a_position_is_that_of_its_contract(table: Path) -> None:
    rule = Tiered(brackets_file=str(table), contracts={"BTC": "BTC/USDT:USDT", "COIN": "ALT/USDT:USDT"})
    state = rule.tables(["BTC", "COIN"], max_leverage=5.0, cash_units=1.0)
    asked = rule.requirement(np.array([[300_000, 0], [0, -20_000]]), np.array([1, 1]), state)
    assert asked.maintenance.tolist() == [1_700, 425]  # 0.01 x 300,000 - 1,300; 0.025 x 20,000 - 75
    # initial: 400 on the first 50,000, then 1 % of 200,000 and 2 % of 50,000; 5 % of 5,000 and 10 % of 15,000
    assert asked.initial.tolist() == [3_400, 1_750]


def test_brackets_of_the_scenario_go_before_those_of_the_file(table: Path) -> None:
    from abm.clearing.margin.tiered import Bracket

    own = Bracket(floor=0.0, initial_rate=0.5, maintenance_rate=0.25)
    rule = Tiered(brackets_file=str(table), contracts={"BTC": "BTC/USDT:USDT"}, brackets={"ALT": (own,)})
    assert rule.ladders(["BTC", "ALT"])["ALT"] == (own,)


def test_an_asset_without_a_contract_is_named_with_the_nearest(table: Path) -> None:
    with pytest.raises(ValueError, match="no contract 'ALT' for ALT; state margin.contracts.ALT = \"ALT/USDT:USDT\", or"):
        Tiered(brackets_file=str(table), contracts={"BTC": "BTC/USDT:USDT"}).ladders(["BTC", "ALT"])


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("mmr,", "rate,", "row 1: no column 'mmr', columns are symbol, tier, min_notional, max_notional, rate"),
        ("tier,", "level,", "row 1: unknown column 'level'"),
        ("2,50000.0,250000.0", "2,50000.0x,250000.0", "row 3: min_notional must be a number, was '50000.0x'"),
        ("0.005,100.0", ",100.0", "row 3: mmr is missing"),
        ("0.005,100.0", "nan,100.0", "row 3: mmr must be finite, was 'nan'"),
        ("3,250000.0", "3,40000.0", "row 4: min_notional of BTC/USDT:USDT must be above 50000.0, was 40000.0"),
        ("3,250000.0", "3,260000.0", "row 4: min_notional of BTC/USDT:USDT must be 250000.0, where the last bracket ends"),
        ("0.01,50.0,1300.0", "0.003,50.0,800.0", "row 4: mmr of BTC/USDT:USDT must be at least 0.005, was 0.003"),
        ("0.01,50.0,1300.0", "0.01,110.0,1300.0", "row 4: mmr of BTC/USDT:USDT must be in (0, 1 / max_leverage=0.00909091]"),
        ("0.005,100.0,50.0", "0.005,126.0,50.0", "row 3: max_leverage of BTC/USDT:USDT must be at most 125, was 126.0"),
        ("1300.0", "1300.01", "row 4: maint_amount_cum of BTC/USDT:USDT must be 1300, which makes the margin continuous"),
        ("1,0.0,5000.0", "1,1.0,5000.0", "row 5: the first floor of ALT/USDT:USDT must be 0, was 1.0"),
        ("5000.0,25000.0,", "5000.0,", "row 6 must have 7 columns, has 6"),
        ("5000.0,25000.0,", "5000.0,4000.0,", "row 6: max_notional of ALT/USDT:USDT must be above min_notional=5000.0"),
    ],
)
def test_a_bad_table_costs_one_line_with_file_and_row(table: Path, was: str, now: str, said: str) -> None:
    assert TABLE.count(was) == 1
    table.write_text(TABLE.replace(was, now))
    with pytest.raises(ValueError) as refused:
        load(table)
    assert str(refused.value).startswith(f"{table}: {said}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("text", "said"), [("", "no column 'symbol'"), (TABLE.splitlines()[0], "has no brackets")])
def test_an_empty_table(table: Path, text: str, said: str) -> None:
    table.write_text(text)
    with pytest.raises(ValueError, match=said):
        load(table)


def test_toml_names_contract_and_bracket(tmp_path: Path) -> None:
    path = tmp_path / "brackets.toml"
    path.write_text('[["BTC"]]\nmin_notional = 0\nmmr = 0.5\nmax_leverage = 3\n')
    with pytest.raises(ValueError, match=r"BTC bracket 1: mmr of BTC must be in \(0, 1 / max_leverage=0.333333\], was 0.5"):
        load(path)


@pytest.mark.skipif(REAL not in os.environ, reason=f"{REAL} names no real table of brackets")
def test_a_real_table_is_continuous_to_the_last_digit_and_survives_a_round_trip(tmp_path: Path) -> None:
    tables = load(os.environ[REAL])
    for ladder in tables.values():
        for low, high in zip(ladder, ladder[1:], strict=False):
            floor, rates = Decimal(repr(high.floor)), [Decimal(repr(b.maintenance_rate)) for b in (low, high)]
            amounts = [Decimal(repr(b.maintenance_amount)) for b in (low, high)]
            assert floor * rates[0] - amounts[0] == floor * rates[1] - amounts[1]
    for name in ("copy.csv", "copy.toml"):
        save(tmp_path / name, tables)
        assert load(tmp_path / name) == tables
    contracts = list(tables)
    rule = Tiered(brackets_file=os.environ[REAL])
    state = rule.tables(contracts, max_leverage=1.0, cash_units=1.0)
    for row, contract in enumerate(contracts):  # what the rule deducts is what the venue publishes
        published = [b.maintenance_amount or 0.0 for b in tables[contract]]
        np.testing.assert_allclose(state.maintenance_amount[0, row, : len(published)], published, rtol=1e-12, atol=1e-9)
