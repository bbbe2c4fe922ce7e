"""The contagion matrix against hand-made twins, and its exact zero."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.measures.contagion import contagion_matrix, contagion_row
from abm.measures.value import Missing
from tests.measures.by_hand import records

FORCED = {"ETH": [10_000.0, 9_000.0, 9_000.0, 9_000.0]}  # 10 % off the outside value of ETH


def shocked(eth, btc, asset=1, value=FORCED):
    return records(columns={"mark": {"ETH": eth, "BTC": btc}, "value": value}, shocked=(asset,))


def test_entries_are_falls_per_unit_of_forced_fall():
    run = shocked([10_000, 9_000, 8_800, 9_000], [10_000, 10_000, 9_800, 9_900])
    on_btc, on_eth = contagion_row(run, records(), 1)
    assert on_btc == pytest.approx(0.2)  # 200 ticks / 10,000 over a forced 0.10
    assert on_eth == pytest.approx(1.2)  # 1,200 ticks / 10,000 over a forced 0.10


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 39_999), min_size=4, max_size=4), st.integers(1, 9_000))
def test_an_asset_whose_marks_are_equal_to_the_bit_is_exactly_zero(marks, forced):
    calm = records(columns={"mark": {"BTC": marks}})
    run = shocked([10_000] * 4, marks, value={"ETH": [10_000.0, 10_000.0 - max(forced, 20), 9_999.5, 9_999.5]})
    assert contagion_row(run, calm, 1)[0] == 0.0


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 3))
def test_one_tick_lower_in_one_step_is_not_zero(step):
    marks = [10_000] * 4
    marks[step] -= 1
    assert contagion_row(shocked([10_000] * 4, marks), records(), 1)[0] == pytest.approx(0.001)  # 1 tick / 10,000 / 0.10


def test_a_price_above_its_twin_is_no_contagion():
    run = shocked([10_000] * 4, [10_050, 10_010, 10_020, 10_030])
    assert contagion_row(run, records(), 1)[0] == 0.0


def test_the_matrix_has_the_shocked_assets_as_rows_and_need_not_be_symmetric():
    eth = shocked([10_000, 9_000, 9_000, 9_000], [10_000, 9_900, 9_900, 9_900])
    btc_value = {"BTC": [10_000.0, 8_000.0, 8_000.0, 8_000.0]}
    btc = shocked([10_000, 9_900, 9_900, 9_900], [10_000, 8_000, 8_000, 8_000], asset=0, value=btc_value)
    matrix = contagion_matrix({0: btc, 1: eth}, records())
    assert matrix[0] == pytest.approx((1.0, 0.05))  # BTC forced 20 %: BTC 20 %, ETH 1 %
    assert matrix[1] == pytest.approx((0.1, 1.0))  # ETH forced 10 %: BTC 1 %, ETH 10 %


def test_rows_without_a_single_shock_are_missing_with_the_reason():
    run = shocked([10_000] * 4, [10_000] * 4)
    both = replace(run, meta=replace(run.meta, shocked=(0, 1)))
    nothing = replace(run, meta=replace(run.meta, shocked=()))
    assert contagion_row(both, records(), 1) == (Missing("several assets are shocked at once"),) * 2
    assert contagion_row(nothing, records(), 1) == (Missing("nothing is shocked in this run"),) * 2
    unforced = shocked([10_000] * 4, [10_000] * 4, value={})
    assert all(isinstance(entry, Missing) for entry in contagion_row(unforced, records(), 1))
    assert not np.isnan([e for e in contagion_row(run, records(), 1) if not isinstance(e, Missing)]).any()
