"""Correlation in calm and stress, and its correction, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from abm.measures.dependence import Ranked, corrected, dependence, mean_correlation, rank_correlation, tail_dependence
from abm.measures.value import Missing
from tests.measures.by_hand import records

UP_DOWN = np.tile([1.0, -1.0], 6)


def test_correlation_of_assets_that_move_together_or_against_each_other():
    assert mean_correlation(np.column_stack([UP_DOWN, UP_DOWN])) == pytest.approx(1.0)
    assert mean_correlation(np.column_stack([UP_DOWN, -UP_DOWN])) == pytest.approx(-1.0)
    # pairs: +1, -1, -1
    assert mean_correlation(np.column_stack([UP_DOWN, UP_DOWN, -UP_DOWN])) == pytest.approx(-1 / 3)


def test_assets_that_stand_still_and_few_returns_say_nothing():
    assert isinstance(mean_correlation(np.column_stack([UP_DOWN, np.zeros(12)])), Missing)
    assert isinstance(mean_correlation(np.ones((9, 2))), Missing)


def test_higher_variance_alone_is_taken_out():
    # 0.8 with four times the variance: 0.8 / sqrt(1 + 3 x 0.36) = 0.5547
    assert corrected(0.8, 4.0) == pytest.approx(0.8 / np.sqrt(2.08))
    assert corrected(0.8, 1.0) == 0.8


@pytest.mark.parametrize("ratio", [2.0, 5.0])
def test_the_correction_gives_the_calm_correlation_back(ratio):
    """y = x + noise: with the variance of x raised, correlation rises by the formula that the correction inverts."""
    calm, raised = np.sqrt(1 / (1 + 1)), np.sqrt(ratio / (ratio + 1))  # var(x) = var(noise) = 1
    assert corrected(raised, ratio) == pytest.approx(calm)


def test_common_tail():
    losses = np.arange(20.0)
    assert tail_dependence(np.column_stack([losses, losses]), 0.9) == 1.0
    assert tail_dependence(np.column_stack([losses, -losses]), 0.9) == 0.0
    assert tail_dependence(np.column_stack([losses, np.roll(losses, 1)]), 0.9) == 0.5  # 19 of {18, 19} and {19, 0}
    assert isinstance(tail_dependence(losses[:4, np.newaxis].repeat(2, axis=1), 0.9), Missing)


def test_a_run_of_four_steps_has_none():
    assert all(isinstance(value, Missing) for value in dependence(records()).values())


def test_ranks_agree_oppose_or_hardly_agree():
    x = np.arange(12.0)
    for sign, y in ((1.0, np.exp(x)), (-1.0, -x)):  # any rising function, any falling one
        found = rank_correlation(x, y)
        assert isinstance(found, Ranked)
        assert [found.value, found.low, found.high] == pytest.approx([sign] * 3)
    swapped = x.reshape(6, 2)[:, ::-1].ravel()  # neighbours change places: 1 - 6 x 12 / (12 x 143) = 0.958
    found = rank_correlation(x, swapped)
    assert isinstance(found, Ranked)
    assert found.value == pytest.approx(1 - 6 * 12 / (12 * 143)) and found.low < found.value < found.high
    assert found == rank_correlation(x, swapped)  # from a fixed stream


def test_few_or_equal_pairs_have_no_rank_correlation():
    assert rank_correlation(np.arange(9.0), np.arange(9.0)) == Missing("needs 10 pairs, had 9")
    assert rank_correlation(np.arange(12.0), np.ones(12)) == Missing("one of the two is the same in all pairs")
