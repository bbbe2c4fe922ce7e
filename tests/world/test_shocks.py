"""Shocks: when they strike, how they build up and fade, whom they reach, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from abm.world.shocks import Shock, halved, nearest, steps, transmitted

NAMES = ("BTC", "ETH", "SOL")


def eth(**changes):
    return Shock(**{"name": "news", "assets": ["ETH"], "size": -0.15, "at": 600.0} | changes)


def test_a_ramp_builds_up_in_equal_parts_and_reaches_its_size_at_its_end():
    shock = eth(ramp=20.0)  # steps of 5 s: 4 parts, from step 600 / 5 = 120 on
    share = [shock.share(step, 5.0) for step in range(119, 126)]
    assert share == [0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.0]  # at 595, 600 .. 625 s


def test_an_instant_shock_strikes_whole_at_its_time():
    assert [eth().share(step, 5.0) for step in (0, 119, 120, 121, 5_000)] == [0.0, 0.0, 1.0, 1.0, 1.0]


def test_a_time_between_steps_strikes_at_the_next_step_and_a_broken_ramp_is_rounded_up():
    shock = eth(at=601.0, ramp=11.0)  # 601 / 5 -> step 121; 11 / 5 -> 3 parts
    assert [shock.share(step, 5.0) for step in (120, 121, 122, 123, 124)] == [0.0, 0.0, 1 / 3, 2 / 3, 1.0]


def test_recovery_halves_the_move_at_each_half_life_after_the_ramp():
    shock = eth(ramp=10.0, recovery=60.0)  # whole at 610 s = step 122, half-life 12 steps
    assert shock.share(122, 5.0) == 1.0
    assert shock.share(134, 5.0) == 0.5
    assert shock.share(158, 5.0) == 0.125  # three half-lives
    assert shock.share(128, 5.0) == pytest.approx(0.5**0.5, rel=1e-15)


def test_sizes_are_one_for_all_or_one_each():
    both = Shock(name="s", assets=("SOL", "BTC"), size=-0.1, at=0.0)
    assert both.moves(NAMES).tolist() == [-0.1, 0.0, -0.1]
    each = Shock(name="s", assets=("SOL", "BTC"), size=(-0.3, -0.1), at=0.0)
    assert each.moves(NAMES).tolist() == [-0.1, 0.0, -0.3]


def test_transmission_passes_the_regression_slope():
    correlation = np.array([[1.0, 0.5, 0.0], [0.5, 1.0, 0.8], [0.0, 0.8, 1.0]])
    volatility = np.array([0.02, 0.04, 0.05])
    passed = transmitted(np.array([0.0, -0.10, 0.0]), correlation, volatility, 0.5)
    # beta BTC on ETH = 0.5 * 0.5 * 0.02 / 0.04 = 0.125; SOL on ETH = 0.5 * 0.8 * 0.05 / 0.04 = 0.5
    assert passed == pytest.approx([-0.0125, -0.10, -0.05], rel=1e-12)
    assert transmitted(np.array([0.0, -0.10, 0.0]), correlation, volatility, 0.0).tolist() == [0.0, -0.10, 0.0]


def test_of_several_stated_moves_the_largest_is_passed_and_stated_moves_stay():
    correlation = np.full((3, 3), 0.5) + 0.5 * np.eye(3)
    passed = transmitted(np.array([-0.20, -0.10, 0.0]), correlation, np.array([0.02, 0.02, 0.04]), 1.0)
    assert passed == pytest.approx([-0.20, -0.10, -0.20])  # SOL: 0.5 * 2 * max(0.10, 0.20)


@settings(max_examples=200, deadline=None)
@given(st.floats(0.0, 60.0))
def test_halved_is_a_power_of_two(times):
    assert halved(times) == pytest.approx(2.0**-times, rel=4e-16)


def test_halved_is_exact_for_whole_numbers_and_ends_at_zero():
    assert [halved(k) for k in (0, 1, 2, 10)] == [1.0, 0.5, 0.25, 2.0**-10]
    assert halved(5_000.0) == 0.0


@pytest.mark.parametrize(
    ("seconds", "step", "count"), [(0.3, 0.1, 3), (0.07, 0.01, 7), (11.0, 5.0, 3), (0.0, 5.0, 0), (600.0, 5.0, 120)]
)
def test_steps_round_up_but_not_the_last_bit(seconds, step, count):
    assert steps(seconds, step) == count


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"assets": ["ETHE"]}, "shock 'news': unknown asset 'ETHE'; did you mean 'ETH'?"),
        ({"assets": ["XRP"]}, "shock 'news': unknown asset 'XRP'; known: BTC, ETH, SOL"),
        ({"ramp": 4.0}, "shock 'news': ramp of 4 s is shorter than the step of 5 s; shorten the step or lengthen the ramp"),
        (
            {"recovery": 1.0},
            "shock 'news': recovery of 1 s is shorter than the step of 5 s; shorten the step or lengthen the recovery",
        ),
        ({"at": 3600.0}, "shock 'news': at 3600 s it strikes after the end of the run (3600 s)"),
    ],
)  # fmt: skip
def test_a_shock_that_does_not_fit_the_run_is_refused_in_one_line(changes, message):
    with pytest.raises(ValueError) as refused:
        eth(**changes).check(NAMES, 5.0, 3600.0)
    assert str(refused.value) == message


def test_a_shock_that_fits_is_not_refused():
    eth(ramp=5.0, recovery=5.0, at=3595.0).check(NAMES, 5.0, 3600.0)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"size": -1.0}, "greater than -1"),
        ({"size": 3.5}, "less than or equal to 3"),
        ({"size": [-0.1, -0.2]}, "size must be one number or one per asset (1), were 2"),
        ({"assets": ["ETH", "ETH"]}, "assets must differ, 'ETH' occurs twice"),
        ({"assets": []}, "at least 1 item"),
        ({"ramp": -1.0}, "greater than or equal to 0"),
        ({"recovery": 0.0}, "greater than 0"),
        ({"name": ""}, "at least 1 character"),
        ({"size": "-15%"}, "valid number"),
        ({"kind": "news"}, "relative"),
    ],
)
def test_a_shock_that_means_nothing_is_refused(changes, part):
    with pytest.raises(ValidationError) as refused:
        eth(**changes)
    assert part in str(refused.value)


def test_nearest_names_one_or_all():
    assert nearest("BTX", NAMES) == "did you mean 'BTC'?"
    assert nearest("zzz", NAMES) == "known: BTC, ETH, SOL"
