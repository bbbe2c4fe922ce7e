"""A book of the user's own: rows to lots and money by hand, every mistake at its row, and a market that opens with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abm.clearing.ledger import Mode
from abm.model import CascadeModel
from abm.scenario import Scenario
from abm.scenario.book_files import booked, depth
from abm.scenario.errors import ScenarioError
from abm.twins import twin
from tests.small_worlds import fingerprint, market, played, world

# BTC and ETH at 100, lots of 1, 1,000 ticks; open interest 1e6, which is 10,000 lots; cash units of 0.001
ACCOUNTS = """trader,group,mode,collateral,asset,quantity,entry_price
alice,hold,cross,5000,BTC,400,90
alice,,,,ETH,-100,
bob,crowd,isolated,2000,BTC,300,
carol,hold,cross,60000,BTC,-700,105
dan,hold,,9000,ETH,100,
eve,value,cross,1000,,,
"""
NOBODY = {f"population.{group}.count": 0 for group in ("crowd", "pairs", "hedgers", "arbitrage")}
ALICE, CAROL, DAN, BOB, EVE = range(5)  # by group: hold, crowd, value


def book(folder: Path, accounts: str = ACCOUNTS, depths: str | None = None, **more: Any) -> Scenario:
    (folder / "accounts.csv").write_text(accounts)
    files: dict[str, Any] = {"kind": "files", "accounts": str(folder / "accounts.csv")}
    if depths is not None:
        (folder / "depth.csv").write_text(depths)
        files["depth"] = str(folder / "depth.csv")
    changes = {key.replace("__", "."): value for key, value in more.items() if key != "residual"}
    files |= {key: value for key, value in more.items() if key == "residual"}
    return world(NOBODY | {"population.book": files} | changes)


def test_rows_become_lots_and_money(tmp_path: Path) -> None:
    groups = booked(book(tmp_path))
    assert list(groups) == ["book.hold", "book.crowd", "book.value"]
    hold = groups["book.hold"]
    assert hold.opening.tolist() == [[400, -100], [-700, 0], [0, 100]]
    # entries in cash units: 400 x 90 = 36 M, at the opening 100 where none is stated
    assert hold.entry.tolist() == [[36_000_000, -10_000_000], [-73_500_000, 0], [0, 10_000_000]]
    # Alice 5,000 + 400 x 10 profit; Carol 60,000 + 700 x 5 profit; Dan as he says
    assert hold.collateral.tolist() == [9_000_000, 63_500_000, 9_000_000]
    assert hold.mode.tolist() == [Mode.CROSS, Mode.CROSS, -1]
    assert groups["book.value"].collateral.tolist() == [1_000_000]


def test_the_market_opens_with_the_book(tmp_path: Path) -> None:
    model = CascadeModel(scenario=book(tmp_path), rng=1)
    traders = model.exchange.traders
    rows = np.concatenate([traders.rows(f"book.{group}") for group in ("hold", "crowd", "value")])
    assert model.positions(rows).tolist() == [[400, -100], [-700, 0], [0, 100], [300, 0], [0, 0]]
    assert model.equity(rows).tolist() == [9_000_000, 63_500_000, 9_000_000, 2_000_000, 1_000_000]
    ledger, backing = model.ledger, model.exchange.accounts.backing
    assert ledger.mode[backing[rows, 0]].tolist() == [Mode.CROSS, Mode.CROSS, Mode.CROSS, Mode.ISOLATED, Mode.CROSS]
    long = backing[rows[ALICE], 0]
    assert ledger.cost[long, 0] == 36_000_000  # unrealised profit 4 M, which the equity already holds
    paid = ledger.position * (model.instruments.opening_tick * model.instruments.unit)
    np.testing.assert_array_equal(ledger.cost - ledger.realised, paid)  # profit since the opening is still zero
    assert model.groups["book.crowd"].behaviour == model.scenario.population.crowd
    assert ledger.conservation() == {"cash_error": 0, "lots_error": 0}


def test_the_book_is_liquidated_like_everybody(tmp_path: Path) -> None:
    records = played(book(tmp_path))
    # BTC falls by a quarter: Alice is long 40,000 of it on 9,000
    assert dict(records.meta.conservation) == {"cash_error": 0, "lots_error": 0}
    assert "book.hold" in {records.meta.groups[k] for k in records.liquidations["group"]}
    assert records.meta.opening_leveraged_notional == 160_000_000  # 400 + 100 + 300 + 700 + 100 lots of 100


def test_the_isolated_twin_isolates_the_book(tmp_path: Path) -> None:
    model = CascadeModel(scenario=twin(book(tmp_path), "isolated"), rng=1)
    rows = model.exchange.traders.rows("book.hold")
    assert (model.ledger.mode[model.exchange.accounts.backing[rows]] == Mode.ISOLATED).all()


def test_universal_accounts_need_a_population_that_has_them(tmp_path: Path) -> None:
    accounts = ACCOUNTS.replace("alice,hold,cross", "alice,hold,universal")
    for share, mode in ((0.0, Mode.CROSS), (0.5, Mode.UNIVERSAL)):
        model = CascadeModel(scenario=book(tmp_path, accounts, population__universal_share=share), rng=1)
        alice = model.exchange.traders.rows("book.hold")[0]
        assert model.ledger.mode[model.exchange.accounts.backing[alice, 0]] == mode


def test_hedgers_hold_what_the_book_leaves(tmp_path: Path) -> None:
    accounts = "trader,collateral,asset,quantity\nalice,5000,BTC,400\n"
    scenario = book(tmp_path, accounts, residual="hedgers", population__hedgers__count=4)
    model = CascadeModel(scenario=scenario, rng=1)
    hedgers = model.positions(model.exchange.traders.rows("hedgers"))
    assert hedgers.sum(axis=0).tolist() == [-400, 0]
    assert np.maximum(hedgers, 0).sum(axis=0).tolist() == [9_600, 10_000]  # open interest is that of the scenario


def test_positions_on_venues(tmp_path: Path) -> None:
    accounts = "trader,collateral,asset,venue,quantity\nalice,5000,BTC,beta,40\nalice,,BTC,alpha,-10\nbob,5000,BTC,beta,-40\n"
    accounts += "bob,,BTC,alpha,10\n"
    venues = [{"name": "alpha", "share": 0.5}, {"name": "beta", "share": 0.5}]
    assert booked(book(tmp_path, accounts, venues=venues))["book.hold"].opening.tolist() == [[-10, 0, 40, 0], [10, 0, -40, 0]]


def test_equal_seeds_give_equal_runs_and_the_file_counts_in_the_hash(tmp_path: Path) -> None:
    scenario = book(tmp_path)
    assert fingerprint(played(scenario)) == fingerprint(played(scenario))
    before = scenario.hash()
    assert book(tmp_path, ACCOUNTS.replace("60000", "60001")).hash() != before


DEPTH = """asset,side,distance_bp,quantity
BTC,bid,10,60
BTC,bid,100,40
BTC,bid,150,500
BTC,ask,50,140
BTC,ask,100,60
"""


def test_depth_is_the_mean_of_both_sides_within_one_percent(tmp_path: Path) -> None:
    # bids 60 + 40, offers 140 + 60: 150; two makers show 75 each; ETH keeps 1 % of 10,000 lots
    scenario = book(tmp_path, depths=DEPTH)
    assert depth(scenario).tolist() == [150, -1]  # type: ignore[union-attr]
    model = CascadeModel(scenario=scenario, rng=1)
    assert model.exchange.maker_depth.tolist() == [[75, 50], [75, 50]]
    assert market().exchange.maker_depth.tolist() == [[50, 50], [50, 50]]


def test_depth_by_price_and_continued_to_one_percent(tmp_path: Path) -> None:
    # 25 bp hold 10 a side: within 100 bp 10 x 4^1.3 = 60.63, rounded
    text = "asset,side,price,quantity\nETH,bid,99.75,10\nETH,ask,100.25,10\n"
    assert depth(book(tmp_path, depths=text)).tolist() == [-1, 61]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("quantity,entry", "size,entry", "row 1: no column 'quantity'"),
        ("mode,", "margin,", "row 1: unknown column 'margin'"),
        ("alice,hold,cross,5000,BTC", "alice,hold,cross,5000,BCT", "row 2: no asset 'BCT'; did you mean 'BTC'?"),
        ("alice,hold", "alice,holt", "row 2: group 'holt' is none of the population's; did you mean 'hold'?"),
        ("alice,hold,cross", "alice,hold,crossed", "row 2: mode must be cross, isolated, universal or empty, was 'crossed'"),
        ("5000,BTC", "-5000,BTC", "row 2: collateral must be >= 0, was -5000"),
        ("5000,BTC", ",BTC", "row 2: collateral is missing"),
        ("BTC,400,90", "BTC,400.5,90", "row 2: quantity must be a whole number of lots of 1, was 400.5"),
        ("BTC,400,90", "BTC,four,90", "row 2: quantity must be a number, was 'four'"),
        ("BTC,400,90", "BTC,,90", "row 2: quantity is missing"),
        ("BTC,400,90", "BTC,400,0", "row 2: entry_price must be > 0, was 0"),
        ("BTC,400,90", "BTC,400,120", "row 2: equity of alice at the opening prices must be >= 0, was -3000"),
        ("alice,,,,ETH", "alice,,,,BTC", "row 3: alice already has a position in BTC"),
        ("alice,,,,ETH", "alice,,,7,ETH", "row 3: collateral of alice must be that of its first row, or empty"),
        ("alice,,,,ETH", "alice,crowd,,,ETH", "row 3: group of alice must be 'hold' as in its first row"),
        ("\nalice,,", "\n,,", "row 3: trader is missing"),
        ("BTC,-700", "BTC,-600", "longs and shorts in BTC must be equal, were 700 and 600; state residual = \"hedgers\""),
        ("ETH,100,", "ETH,100", "row 6 must have 7 columns, has 6"),
    ],
)
def test_a_mistake_costs_one_line_with_file_and_row(tmp_path: Path, was: str, now: str, said: str) -> None:
    assert ACCOUNTS.count(was) == 1
    scenario = book(tmp_path, ACCOUNTS.replace(was, now))
    with pytest.raises(ScenarioError) as refused:
        scenario.check_files()
    assert str(refused.value).startswith(f"population.book.accounts: {tmp_path / 'accounts.csv'}: {said}")
    assert "\n" not in str(refused.value)


def test_what_the_market_cannot_hold(tmp_path: Path) -> None:
    big = "trader,collateral,asset,quantity\na,1e7,BTC,20000\nb,1e7,BTC,-20000\n"
    with pytest.raises(ScenarioError, match="holds 20000 BTC on one side, more than the open interest of 10000"):
        book(tmp_path, big).check_files()
    one = "trader,collateral,asset,quantity\na,1e7,BTC,20\n"
    with pytest.raises(ScenarioError, match="were 20 and 0; set population.hedgers.count to 2 or more"):
        book(tmp_path, one, residual="hedgers").check_files()
    with pytest.raises(ScenarioError, match="has no accounts"):
        book(tmp_path, "trader,collateral,asset,quantity\n").check_files()
    with pytest.raises(ScenarioError, match="venue"):
        book(tmp_path, venues=[{"name": "alpha", "share": 0.5}, {"name": "beta", "share": 0.5}]).check_files()


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("bid,10", "buy,10", "row 2: side must be bid or ask, was 'buy'"),
        ("bid,10", "bid,-10", "row 2: distance_bp must be > 0, was -10"),
        ("10,60", "10,0", "row 2: quantity must be > 0, was 0"),
        ("10,60", ",60", "row 2: needs a distance_bp or a price, and not both"),
        (DEPTH[DEPTH.index("BTC,ask") :], "", "BTC needs levels of both sides"),
    ],
)
def test_a_bad_depth_costs_one_line(tmp_path: Path, was: str, now: str, said: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        book(tmp_path, depths=DEPTH.replace(was, now)).check_files()
    assert str(refused.value).startswith(f"population.book.depth: {tmp_path / 'depth.csv'}: {said}")


def test_depth_needs_makers_and_prices_on_their_side(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="makers.count must be >= 1, was 0"):
        book(tmp_path, depths=DEPTH, makers__count=0).check_files()
    with pytest.raises(ScenarioError, match="row 2: price of bid must be below the opening 100, was 101"):
        book(tmp_path, depths="asset,side,price,quantity\nBTC,bid,101,5\n").check_files()


def test_the_shipped_example_is_sound() -> None:
    short = {"time.duration": 300.0, "time.burn_in": 60.0, "world.shocks.eth.at": 60.0, "world.shocks.eth.ramp": 60.0}
    scenario = Scenario.load("experiments/own_book/own_book.toml").with_(short)
    scenario.check_files()
    records = played(scenario)
    assert dict(records.meta.conservation) == {"cash_error": 0, "lots_error": 0}
    assert len(records.liquidations)
