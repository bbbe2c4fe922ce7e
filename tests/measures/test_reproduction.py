"""Reproduction numbers, cascades in time, recovery, offset, efficiency, margin and stylised facts, by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm.measures.duration import largest_cascade
from abm.measures.efficiency import capital_efficiency, collateral_saved, margin_saved
from abm.measures.liquidity import book_exhausted
from abm.measures.procyclicality import margin
from abm.measures.recovery import recovered, recovered_share, saved_by_offset_share
from abm.measures.reproduction import before_the_shock, by_genealogy, by_twins, reproduction_number
from abm.measures.stylised import autocorrelation, hill, kurtosis, stylised
from abm.measures.value import Missing
from abm.records import SEIZURE, Exposure, Records
from tests.measures.by_hand import OPENING, records

BTC, ETH = 0, 1


def fell(btc: int, eth: int) -> Records:
    return records(columns={"mark": {"BTC": [OPENING, *[OPENING - btc] * 3], "ETH": [OPENING, *[OPENING - eth] * 3]}})


def test_by_twins_is_one_minus_the_fall_without_over_the_fall_with():
    # 1,000 lots of each at 10,000 ticks: weights are equal. Falls of 4 % and 16 %, mean 10 %; without 0 % and 8 %, mean 4 %
    assert by_twins(fell(400, 1_600), fell(0, 800), 1) == pytest.approx(1 - 0.04 / 0.10)
    # with three times the open interest in BTC: 0.75 x 4 + 0.25 x 16 = 7 %; without 0.25 x 8 = 2 %
    run = fell(400, 1_600)
    heavier = replace(run, meta=replace(run.meta, opening_open_interest=np.array([3_000, 1_000])))
    assert by_twins(heavier, fell(0, 800), 1) == pytest.approx(1 - 0.02 / 0.07)


def test_by_twins_needs_a_fall():
    assert isinstance(by_twins(fell(0, 15), fell(0, 0), 1), Missing)  # mean 0.075 %, floor 0.1 %
    assert by_twins(fell(0, 20), fell(0, 0), 1) == 1.0
    calm = fell(0, 200)
    calm = replace(calm, meta=replace(calm.meta, shocked=()))
    assert isinstance(by_twins(calm, fell(0, 1_600), 1), Missing)  # only the twin is shocked


def test_reasons_where_nothing_was_traced():
    run = records(traced=False)
    found = reproduction_number(run, Missing("no twin"), 1)
    assert found["twins"] == found["gap"] == Missing("no twin")
    for value in (by_genealogy(run), before_the_shock(run), saved_by_offset_share(run), *capital_efficiency(run).values()):
        assert isinstance(value, Missing) and "record.genealogy is off" in value.reason
    assert "nobody was seized" in by_genealogy(records()).reason


def test_the_largest_cascade_ends_where_a_minute_is_quiet():
    entered, forced = [0] * 40, [0] * 40
    entered[2], entered[4], forced[6] = 1, 2, 5  # steps 2 to 6 of 5 s
    entered[18] = 2  # 60 s after step 6 : the same cascade
    entered[39] = 4  # 105 s later: another one, smaller
    run = records(40, scalars={"entered": entered}, columns={"forced": {"ETH": forced}})
    assert largest_cascade(run) == {"cascade_size": 5, "cascade_duration": (18 - 2 + 1) * 5.0}
    forced[6] = 0  # step 18 is 70 s after step 4 now: three, two and four
    run = records(40, scalars={"entered": entered}, columns={"forced": {"ETH": forced}})
    assert largest_cascade(run) == {"cascade_size": 4, "cascade_duration": 5.0}
    assert largest_cascade(records())["cascade_size"] == 0


def seized(*rows: tuple[int, int, int, int, int, int]) -> Any:
    """Step, liquidation, instrument, lots, equity, maintenance, at the opening marks."""
    table = np.zeros(len(rows), SEIZURE)
    for place, (step, number, instrument, lots, equity, maintenance) in enumerate(rows):
        table[place] = (step, number, 10 + number, 10 + number, instrument, lots, OPENING, equity, maintenance, 0, 0)
    return table


def followed(rows: Any, eth: list[int]) -> Records:
    run = records(len(eth), columns={"mark": {"ETH": eth}})
    return replace(run, seizures=rows)


def test_recovered_by_hand():
    # Alice: 2 ETH long, 900 of 1,000 asked. Ten seconds later ETH is 80 ticks higher: 900 + 160 = 1,060 against
    # 1,000 x 10,080 / 10,000 = 1,008. Bob, short 2 with the same: 900 - 160 = 740. Carol is seized too late to be followed.
    rows = seized((0, 0, ETH, 2, 900, 1_000), (0, 1, ETH, -2, 900, 1_000), (2, 2, ETH, 6, 900, 1_000))
    run = followed(rows, [OPENING, OPENING, OPENING + 80, OPENING])
    healthy, notional = recovered(run, run.per_instrument["mark"], horizon=10.0)
    assert healthy.tolist() == [True, False] and notional.tolist() == [20_000, 20_000]
    lower = np.full((4, 2), OPENING + 50)  # 900 + 100 = 1,000 against 1,005
    assert recovered(run, lower, horizon=10.0)[0].tolist() == [False, False]


def test_legs_of_an_account_recover_together():
    rows = seized((0, 0, BTC, 1, 900, 1_000), (0, 0, ETH, -1, 900, 1_000))
    run = followed(rows, [OPENING, OPENING - 150])  # ETH short: + 150; margin 1,000 x 19,850 / 20,000 = 992.5
    healthy, notional = recovered(run, run.per_instrument["mark"], horizon=5.0)
    assert healthy.tolist() == [True] and notional.tolist() == [20_000]


def test_recovered_share_says_why_it_is_missing():
    run = followed(seized((0, 0, ETH, 2, 900, 1_000)), [OPENING] * 4)
    told = recovered_share(run, Missing("no twin"))
    assert "before the end of the run" in told["run"].reason and told["no_liquidation"].reason == "no twin"
    long = followed(seized((0, 0, ETH, 2, 1_000, 1_000)), [OPENING] * 130)
    assert recovered_share(long, long) == {"run": 1.0, "no_liquidation": 1.0}
    assert recovered_share(records(), Missing("no twin"))["run"] == Missing("nobody was seized")


def test_saved_by_offset():
    assert saved_by_offset_share(records(under_alone=(400, 100))) == 0.25
    assert isinstance(saved_by_offset_share(records()), Missing)


def exposed(**changes: Any) -> Exposure:
    """Alice: 10 BTC long and 10 ETH short at 100 each, 60 of collateral; her legs alone ask 50 each, together 40."""
    plain: dict[str, Any] = {
        "position": np.array([[10, -10]]),
        "buffer": np.array([20]),
        "rate": np.array([0.02]),
        "price": np.array([100, 100]),
        "bids": np.array([50, 50]),
        "within": 0.01,
        "moves": np.zeros(2),
        "maintenance": np.array([40]),
        "alone": np.array([[50, 50]]),
    }
    return Exposure(**(plain | changes))


def test_capital_efficiency_by_hand():
    assert margin_saved(exposed()) == pytest.approx(1 - 40 / 100)
    run = replace(records(columns={"mark": {"BTC": [100] * 4, "ETH": [100] * 4}}), exposure=exposed())
    assert capital_efficiency(run)["notional_per_collateral"] == pytest.approx(2_000 / 60)


def test_gains_of_one_leg_pay_for_the_other_where_they_are_pooled():
    # both fall to 90: BTC lost 100 and asks 5 % of 900, 145 in all; ETH needed most at the start, 50. Together nothing was lost
    # and 2 % of 2,000 asked: 40 of 195
    marks = np.array([[100, 100], [90, 90]])
    assert collateral_saved(exposed(), marks, np.array([1, 1])) == pytest.approx(1 - 40 / 195)
    single = exposed(position=np.array([[10, 0]]), rate=np.array([0.05]), alone=np.array([[50, 0]]))
    assert collateral_saved(single, marks, np.array([1, 1])) == pytest.approx(0.0)


@given(st.lists(st.tuples(st.integers(50, 150), st.integers(50, 150)), min_size=1, max_size=8))
def test_pooling_never_needs_more_where_margins_add_up(path):
    both = exposed(rate=np.array([0.05]), maintenance=np.array([100]))
    saved = collateral_saved(both, np.array([(100, 100), *path]), np.array([1, 1]))
    assert -1e-12 <= saved <= 1.0


def test_margin_per_notional():
    run = records(scalars={"maintenance": [50, 40, 60, 0], "gross": [1_000, 1_000, 1_000, 0]})
    assert margin(run) == {"peak_to_trough": pytest.approx(1.5), "n_day": pytest.approx(0.5)}
    falling = records(scalars={"maintenance": [60, 50, 40, 40], "gross": [1_000] * 4})
    assert margin(falling) == {"peak_to_trough": pytest.approx(1.5), "n_day": 0.0}  # it never rose
    assert all(isinstance(value, Missing) for value in margin(records()).values())


def test_exhausted_books_are_counted_in_steps():
    assert book_exhausted(records(columns={"exhausted": {"ETH": [0, 1, 1, 0]}})).tolist() == [0, 2]


def test_moments_by_hand():
    # deviations -1, 1: m2 = m4 = 1. One of 2 and four of -1/2 about the mean 0: m2 = 1, m4 = (16 + 4/16) / 5
    assert kurtosis([-1.0, 1.0]) == pytest.approx(1 - 3)
    assert kurtosis([2.0, -0.5, -0.5, -0.5, -0.5]) == pytest.approx((16 + 0.25) / 5 - 3)
    assert autocorrelation([1.0, -1.0, 1.0, -1.0]) == pytest.approx(-3 / 4)
    assert autocorrelation([1.0, 1.0, -1.0, -1.0], lag=2) == pytest.approx(-2 / 4)
    assert isinstance(kurtosis([1.0, 1.0]), Missing) and isinstance(autocorrelation([]), Missing)


def test_hill_by_hand_and_on_a_law_of_known_tail():
    # the two largest of 40 are 4 and 2 in size, the third 1: 2 / (ln 4 + ln 2)
    assert hill([-4.0, 2.0, *[1.0] * 38]) == pytest.approx(2 / (np.log(4) + np.log(2)))
    pareto = 1 / np.random.default_rng(1).random(100_000) ** (1 / 3)
    assert hill(pareto) == pytest.approx(3.0, rel=4 / np.sqrt(5_000))  # four standard errors of alpha / sqrt(k)
    assert isinstance(hill([1.0, 2.0]), Missing)


def test_stylised_facts_of_a_run_need_a_hundred_returns():
    assert all(isinstance(value, Missing) for values in stylised(records()).values() for value in values)
    steps = 101 * 6 + 1  # returns over half a minute are those over six steps
    path = OPENING + 10 * (np.arange(steps) // 6 % 2)
    run = records(steps, columns={"mark": {"ETH": path}})
    assert stylised(run)["autocorrelation"][ETH] == pytest.approx(-1.0, abs=0.02)  # up, down, up, down
    assert isinstance(stylised(run)["kurtosis"][BTC], Missing)  # BTC never moved
