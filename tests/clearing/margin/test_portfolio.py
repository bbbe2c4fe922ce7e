"""Portfolio margin over many accounts: its plain twin, its bounds, and parameters that make no sense."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from abm.clearing.margin.grids import DeribitGrid, Leg, OkxGrid, ParadexGrid, SpanGrid
from abm.clearing.margin.portfolio import Portfolio
from abm.clearing.margin.terms import Terms
from abm.kernels.portfolio import Grid, scan

GRIDS = (SpanGrid, DeribitGrid, OkxGrid, ParadexGrid)
ASSETS = ("BTC", "ETH", "BTC", "SOL", "ETH", "BTC")


def terms(*assets: str) -> Terms:
    n = len(assets)
    return Terms(assets, np.full(n, 10.0), np.full(n, 0.05), np.eye(n), step_seconds=1.0, cash_units=1.0)


def maintenance(rule: Portfolio, position: list[list[int]], price: list[int], *assets: str) -> list[int]:
    lots = np.asfortranarray(np.array(position))
    return rule.requirement(lots, np.array(price), rule.open(terms(*assets))).maintenance.tolist()


def by_hand(position: list[float], legs: list[Leg], rule: Portfolio) -> float:
    """The requirement of one account, factor by factor, as the documentation of the kernel states it."""
    grid = rule.tables_of(legs)
    gain = {int(k): row for k, row in zip(grid.leg, grid.gain.tolist(), strict=True)}
    value = {int(k): n for k, n in zip(grid.leg, grid.notional.tolist(), strict=True)}
    asked, minima, charges, nets = [], [], [], []
    for asset in dict.fromkeys(leg.asset for leg in legs):
        own = [k for k, leg in enumerate(legs) if leg.asset == asset]
        worst = max(0.0, *(-sum(position[k] * gain[k][s] for k in own) for s in range(len(rule.grid.scenarios))))
        long = sum(max(0.0, position[k] * value[k]) for k in own)
        short = sum(max(0.0, -position[k] * value[k]) for k in own)
        charge = rule.grid.hedge_charge * min(long, short)
        for strike in {legs[k].strike for k in own} - {0.0}:
            net = sum(position[k] for k in own if legs[k].strike == strike)
            charge += rule.grid.short_charge * legs[own[0]].price * max(0.0, -net)
        shorts = sum(max(0.0, -position[k]) for k in own if legs[k].strike > 0)
        least = rule.grid.hedged_minimum * min(long, short) + rule.grid.unhedged_minimum * abs(long - short)
        least = max(least, rule.grid.short_minimum * legs[own[0]].price * shorts)
        asked.append(max(worst + charge, least))
        minima.append(least)
        charges.append(charge)
        nets.append(long - short)
    every = range(len(legs))
    worst = max(0.0, *(-sum(position[k] * gain[k][s] for k in every) for s in range(len(rule.grid.scenarios))))
    matched = min(sum(max(0.0, n) for n in nets), sum(max(0.0, -n) for n in nets))
    netted = max(worst + sum(charges) + rule.offset_charge * matched, sum(minima))
    return sum(asked) - rule.offset * max(0.0, sum(asked) - netted)


@given(
    st.integers(0, 2**32),
    st.sampled_from(GRIDS),
    st.floats(0, 1),
    st.integers(1, 12),
    st.booleans(),
)
@settings(deadline=None, max_examples=40)
def test_equals_the_plain_twin(seed: int, kind: Any, offset: float, n: int, options: bool) -> None:
    rng = np.random.default_rng(seed)
    rule = Portfolio(grid=kind(short_minimum=0.02 * options), offset=offset)
    legs = [Leg(str(rng.choice(["BTC", "ETH", "SOL"])), 100.0) for _ in range(n)]
    if options:
        legs += [Leg("BTC", 100.0, strike, 20.0, 0.6, call=call) for strike, call in ((90.0, True), (90.0, False), (110.0, True))]
    lots = rng.integers(-50, 50, (300, len(legs))).astype(np.float64)
    found = scan(np.asfortranarray(lots), rule.tables_of(legs))
    for row in rng.integers(0, 300, 4):
        assert found[row] == pytest.approx(by_hand(lots[row].tolist(), legs, rule), rel=1e-9, abs=1e-6)


@given(st.integers(0, 2**32), st.floats(0, 1), st.integers(1, 600))
@settings(deadline=None, max_examples=20)
def test_one_row_equals_itself_among_many(seed: int, offset: float, n: int) -> None:
    rng = np.random.default_rng(seed)
    rule = Portfolio(grid=OkxGrid(), offset=offset)
    lots, price = np.asfortranarray(rng.integers(-(10**6), 10**6, (n, 6))), rng.integers(1, 10**5, 6)
    state = rule.open(terms(*ASSETS))
    many = rule.requirement(lots, price, state)
    row = int(rng.integers(0, n))
    alone = rule.requirement(lots[[row]], price, state)
    assert (alone.initial[0], alone.maintenance[0]) == (many.initial[row], many.maintenance[row])


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.floats(0, 1), st.sampled_from(GRIDS))
@settings(deadline=None, max_examples=60)
def test_a_hedged_pair_lies_between_nothing_and_the_sum_of_its_legs(long: int, short: int, offset: float, kind: Any) -> None:
    for names in (("BTC", "ETH"), ("BTC", "BTC")):
        rule = Portfolio(grid=kind(), offset=offset)
        pair, first, second = maintenance(rule, [[long, -short], [long, 0], [0, -short]], [100, 100], *names)
        assert 0 <= pair <= first + second + 1


def test_offset_zero_is_the_sum_and_one_the_netted_loss_with_its_charge() -> None:
    # long 1,000,000 against short 600,000, ranges 10 %: 100,000 and 60,000; netted 40,000 + 1 % of 600,000
    for offset, expected in ((0.0, 160_000), (1.0, 46_000), (0.25, 131_500)):
        assert maintenance(Portfolio(offset=offset), [[1_000, -600]], [1_000, 1_000], "BTC", "ETH") == [expected]


def test_ranges_of_their_own_and_initial_margin() -> None:
    rule = Portfolio(grid=SpanGrid(price_ranges={"ETH": 0.2}))
    found = rule.requirement(np.array([[10, 0], [0, 10]]), np.array([1_000, 1_000]), rule.open(terms("BTC", "ETH")))
    assert found.maintenance.tolist() == [1_000, 2_000] and found.initial.tolist() == [1_100, 2_200]


def test_a_fall_below_nothing_stops_at_nothing() -> None:
    rule = Portfolio.model_validate(
        {"grid": {"kind": "span", "scenarios": [{"price": -2.0}, {"price": 1.0}], "price_range": 0.8}}
    )
    assert maintenance(rule, [[5]], [100], "BTC") == [500]


def test_dtype_of_the_table_does_not_matter() -> None:
    rule = Portfolio(offset=0.5)
    grid: Grid = rule.tables_of([Leg(asset, 100.0) for asset in ASSETS])
    lots = np.random.default_rng(3).integers(-50, 50, (500, 6))
    assert (scan(lots, grid) == scan(np.asfortranarray(lots.astype(np.float64)), grid)).all()


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"kind": "cme"}, "does not match any of the expected tags"),
        ({"scenarios": []}, "at least 1 item"),
        ({"maintenance_factor": 1.2}, "margin.grid.maintenance_factor must be at most initial_factor=1.1, was 1.2"),
        ({"price_ranges": {"BTC": 0.0}}, "margin.grid.price_ranges must be > 0, was 0"),
        ({"hedge_charge": 0.3}, "margin.grid.hedge_charge must be at most what both legs of a hedge ask, 0.2, was 0.3"),
        ({"price_range": 0.001}, "margin.offset_charge must be at most what both legs of a hedge ask, 0.002, was 0.01"),
    ],
)
def test_parameters_that_make_no_sense(given_: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Portfolio.model_validate({"grid": {"kind": "span"} | given_})


def test_a_rule_written_out_in_full_reads_back_as_itself() -> None:
    for kind in GRIDS:
        rule = Portfolio(grid=kind(), offset=0.3)
        assert Portfolio.model_validate(rule.model_dump()) == rule
