"""Falls, amplification and excess fall on four-step crashes with prices of 10,000 ticks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.measures.prices import amplification, excess_fall, fall, forced_fall, level
from abm.measures.value import Missing
from tests.measures.by_hand import instruments, records


def crash(eth, btc=(10_000, 10_000, 10_000, 10_000), **more):
    return records(columns={"mark": {"ETH": eth, "BTC": btc}}, **more)


def test_fall_is_from_the_step_before_the_shock_to_the_low():
    run = crash([10_100, 9_800, 9_000, 9_500])
    assert level(run, 1) == pytest.approx([1.0, 1.01])
    assert fall(run, 1) == pytest.approx([0.0, 0.11])  # (10,100 - 9,000) / 10,000


def test_a_shock_in_the_first_step_is_measured_from_the_opening_price():
    assert fall(crash([9_000, 9_500, 9_500, 9_500]), 0) == pytest.approx([0.0, 0.10])


def test_a_price_that_only_rises_did_not_fall():
    assert fall(crash([10_000, 10_100, 10_200, 10_300]), 1).tolist() == [0.0, 0.0]


def test_amplification_is_the_fall_over_the_fall_without_liquidations():
    run, twin = crash([10_000, 9_000, 8_500, 9_000]), crash([10_000, 9_000, 9_000, 9_000])
    of_btc, of_eth = amplification(run, twin, 1)
    assert of_eth == pytest.approx(1.5)  # 1,500 ticks over 1,000 ticks
    assert of_btc == Missing("not a shocked asset: see excess_fall")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1_000, 9_900), min_size=3, max_size=3))
def test_amplification_is_exactly_one_where_liquidations_do_not_move_the_mark(low):
    run = crash([10_000, *low])
    assert amplification(run, run, 1)[1] == 1.0


def test_a_fall_below_the_floor_gives_no_ratio():
    run, twin = crash([10_000, 9_000, 9_000, 9_000]), crash([10_000, 9_991, 9_991, 9_991])
    found = amplification(run, twin, 1)[1]  # the twin fell 9 ticks of 10,000, the floor is 10
    assert isinstance(found, Missing)
    assert "0.0900%, below the materiality floor of 0.1000%" in found.reason


def test_without_a_shock_there_is_no_amplification():
    calm = crash([10_000] * 4, shocked=(), shock_step=None)
    assert amplification(calm, calm, 0) == (Missing("nothing is shocked in this run"),) * 2


def test_excess_fall_is_the_largest_gap_at_any_time_not_the_gap_of_the_lows():
    run = crash([10_000, 9_000, 9_600, 9_900], [10_000, 10_000, 9_970, 9_990])
    twin = crash([10_000, 9_200, 9_000, 9_900])
    # ETH: gaps 0, 200, -600, 0 ticks, though the lows are equal; BTC: 0, 0, 30, 10
    assert excess_fall(run, twin) == pytest.approx([0.003, 0.02])


def test_excess_fall_is_never_negative_and_zero_only_for_equal_marks():
    run, twin = crash([10_000, 9_500, 9_500, 9_500]), crash([9_999, 9_000, 9_000, 9_000])
    assert excess_fall(run, twin).tolist() == [0.0, 0.0]
    assert excess_fall(twin, run)[1] == pytest.approx(0.05)


def test_two_venues_of_an_asset_count_by_their_mean():
    table = instruments(("BTC", "ETH@alpha", "ETH@beta"), (0, 1, 1))
    flat = [10_000] * 4
    run = records(columns={"mark": {"ETH@alpha": [10_000, 9_000, 9_000, 9_000], "ETH@beta": flat}}, table=table)
    twin = records(columns={"mark": {"ETH@alpha": flat, "ETH@beta": flat}}, table=table)
    assert fall(run, 1) == pytest.approx([0.0, 0.05])  # mean of 10 % and 0 %
    assert excess_fall(run, twin) == pytest.approx([0.0, 0.05])


def test_forced_fall_is_what_the_shock_took_off_the_outside_value_whatever_the_noise():
    noise = np.array([0.0, 37.5, -12.25, 80.0])
    no_shock = records(columns={"value": {"ETH": 10_000 + noise}})
    run = records(columns={"value": {"ETH": 10_000 + noise - np.array([0, 1_500, 1_500, 900])}})
    assert forced_fall(run, no_shock) == pytest.approx([0.0, 0.15])


def test_twins_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="same number of steps, were 3 and 4"):
        excess_fall(records(4), records(3))
