"""Depth, spread and recovery of small books; lots of ETH are 0.1."""

import pytest

from abm.measures.liquidity import calm_depth, depth_min, empty_side_seconds, recovery_time, spread_max
from abm.measures.value import Missing
from tests.measures.by_hand import instruments, records

BTC, ETH = 0, 1


def book(depth, low=None, **more):
    columns = {"depth_bid": {"ETH": depth}, "depth_bid_low": {"ETH": low or depth}}
    return records(len(depth), columns=columns, **more)


def test_calm_depth_is_the_median_before_the_shock():
    assert calm_depth(book([100, 80, 300, 10, 10]), 3)[ETH] == pytest.approx(10.0)  # median of 100, 80, 300 lots of 0.1


def test_depth_min_is_right_after_the_forced_orders():
    run = book([100, 100, 60, 90], low=[100, 100, 5, 90])
    assert depth_min(run, 2) == pytest.approx([1.0, 0.05])  # 5 of 100 lots


def test_depth_before_the_shock_does_not_count_as_its_low():
    assert depth_min(book([100, 100, 90, 90], low=[100, 1, 90, 90]), 2)[ETH] == pytest.approx(0.9)


def test_recovery_is_from_the_fewest_bids_to_nine_tenths_of_the_calm():
    run = book([100, 100, 40, 20, 60, 89, 90, 100])  # steps of 5 s; the fewest in step 3, back in step 6
    assert recovery_time(run, 2)[ETH] == 15.0


def test_a_book_that_refills_within_the_step_recovered_at_once():
    assert recovery_time(book([100, 100, 95, 100], low=[100, 100, 5, 100]), 2)[ETH] == 0.0


def test_a_book_that_never_lost_its_bids_needs_no_time():
    assert recovery_time(book([100, 100, 95, 100]), 2)[ETH] == 0.0


def test_a_book_not_back_at_the_end_is_censored_not_guessed():
    found = recovery_time(book([100, 100, 10, 50, 60]), 2)[ETH]
    assert found == Missing("not recovered within the 10 s from the fewest bids to the end of the run")


def test_a_book_without_bids_in_the_calm_has_no_scale():
    missing = Missing("the book had no bids near the mark in the calm")
    run = book([0, 0, 0, 10])
    assert (depth_min(run, 2)[ETH], recovery_time(run, 2)[ETH]) == (missing, missing)


def test_venues_of_an_asset_pool_their_depth():
    table = instruments(("BTC", "ETH@alpha", "ETH@beta"), (0, 1, 1))
    low = {"ETH@alpha": [100, 0, 0, 0], "ETH@beta": [100, 100, 50, 100]}
    assert depth_min(records(columns={"depth_bid_low": low}, table=table), 1)[ETH] == pytest.approx(0.25)  # 50 of 200


def test_spread_is_over_the_mid_and_the_worst_venue_counts():
    table = instruments(("BTC", "ETH@alpha", "ETH@beta"), (0, 1, 1))
    columns = {
        "bid": {"ETH@alpha": [9_999, 9_900, 9_990, 9_999], "ETH@beta": [9_999] * 4},
        "ask": {"ETH@alpha": [10_001, 10_100, 10_010, 10_001], "ETH@beta": [10_001] * 4},
    }
    run = records(columns=columns, table=table)
    assert spread_max(run, 1) == pytest.approx([2.0, 200.0])  # 2 / 10,000 and 200 / 10,000 in basis points


def test_an_empty_side_is_no_spread_but_is_counted_in_seconds():
    run = records(columns={"bid": {"ETH": [9_999, 0, 9_980, 9_999]}, "ask": {"ETH": [10_001, 10_900, 10_020, 0]}})
    assert spread_max(run, 1)[ETH] == pytest.approx(40.0)
    assert empty_side_seconds(run) == [0.0, 10.0]  # two steps of 5 s
    gone = records(columns={"bid": {"ETH": [0, 0, 0, 0]}})
    assert spread_max(gone, 1)[ETH] == Missing("the book never had both sides")
