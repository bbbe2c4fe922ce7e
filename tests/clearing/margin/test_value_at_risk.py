"""Value at risk by EWMA against its closed forms."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.clearing.margin.terms import Terms
from abm.clearing.margin.value_at_risk import ValueAtRisk

DAY = 86_400.0
Z = NormalDist().inv_cdf(0.99)  # 2.3263


def terms(*volatility: float, correlation: float = 0.0, step: float = DAY) -> Terms:
    n = len(volatility)
    matrix = np.full((n, n), correlation) + (1 - correlation) * np.eye(n)
    return Terms(tuple("ABCDEFGH"[:n]), np.full(n, 10.0), np.array(volatility), matrix, step_seconds=step, cash_units=1.0)


def plain(**changes: float) -> ValueAtRisk:
    return ValueAtRisk(**({"horizon": DAY, "stressed_weight": 0.0, "initial_factor": 1.0} | changes))


def test_single_legs_and_pairs_at_the_opening() -> None:
    rule = plain()
    lots, price = np.array([[1_000, 0], [-1_000, 0], [1_000, 1_000], [1_000, -1_000]]), np.array([10_000, 10_000])
    found = rule.requirement(lots, price, rule.open(terms(0.05, 0.05, correlation=0.8))).maintenance
    single = Z * 0.05 * 10_000_000
    # sd of a sum: sqrt(2 + 2 x 0.8), of a difference: sqrt(2 - 2 x 0.8)
    assert found.tolist() == [round(single), round(single), round(single * sqrt(3.6)), round(single * sqrt(0.4))]


def test_horizon_confidence_and_initial_factor() -> None:
    rule = plain(horizon=4 * DAY, confidence=0.995, initial_factor=1.5)
    found = rule.requirement(np.array([[1_000]]), np.array([10_000]), rule.open(terms(0.05)))
    asked = NormalDist().inv_cdf(0.995) * 2 * 0.05 * 10_000_000  # sqrt(4) = 2
    assert found.maintenance.tolist() == [round(asked)] and found.initial.tolist() == [round(1.5 * asked)]


def test_stressed_weight() -> None:
    rule = plain(stressed_weight=0.25, stressed_multiple=3.0)
    found = rule.requirement(np.array([[1_000]]), np.array([10_000]), rule.open(terms(0.05))).maintenance
    assert found.tolist() == [round(Z * 0.05 * 10_000_000 * (0.75 + 0.25 * 3))]


@pytest.mark.parametrize("shock", [0.0, 1.0, 5.0])
def test_one_shock_moves_margin_by_the_closed_form(shock: float) -> None:
    # sigma^2 = L sigma^2 + (1 - L) r^2: one return of k sigma raises margin by sqrt(L + (1 - L) k^2); L = 0.97, k = 5: 1.311
    step = DAY * np.log2(1 / 0.97)  # with a half-life of one day the decay of a step is 0.97
    rule, lots, price = plain(half_life=DAY), np.array([[10**6]]), np.array([10**6])
    state = rule.advance(rule.open(terms(0.05, step=step)), np.array([100.0]))
    before = rule.requirement(lots, price, state).maintenance[0]
    state = rule.advance(state, np.array([100.0 * (1 + shock * 0.05 * sqrt(step / DAY))]))
    after = rule.requirement(lots, price, state).maintenance[0]
    assert after / before == pytest.approx(sqrt(0.97 + 0.03 * shock**2), rel=1e-9)
    assert sqrt(0.97 + 0.03 * 25) == pytest.approx(1.311, abs=5e-4)


def test_a_step_advances_the_covariance_of_all() -> None:
    rule = plain(half_life=DAY)
    state = rule.advance(rule.open(terms(0.05, 0.04)), np.array([100.0, 50.0]))
    state = rule.advance(state, np.array([98.0, 49.5]))
    # half of the opening and half of r r' with r = (-2 %, -1 %)
    np.testing.assert_allclose(state.recent, [[0.5 * 0.0025 + 0.0002, 0.0001], [0.0001, 0.5 * 0.0016 + 0.00005]], rtol=1e-9)


@given(st.integers(0, 2**32), st.integers(1, 700))
@settings(deadline=None, max_examples=20)
def test_one_row_equals_itself_among_many_and_numpy(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    rule = ValueAtRisk()
    lots, price = np.asfortranarray(rng.integers(-(10**5), 10**5, (n, 4))), rng.integers(1, 10**4, 4)
    state = rule.open(terms(0.05, 0.04, 0.08, 0.1, correlation=0.6))
    many, row = rule.requirement(lots, price, state).maintenance, int(rng.integers(0, n))
    assert rule.requirement(lots[[row]], price, state).maintenance[0] == many[row]
    value = (lots[row] * price).astype(np.float64)
    recent, stressed = (sqrt(value @ c @ value) for c in (state.recent, state.stressed))
    assert many[row] == pytest.approx(Z * sqrt(2) * (0.75 * recent + 0.25 * stressed), rel=1e-9, abs=1)


def test_correlations_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="margin.correlation must be positive semi-definite"):
        ValueAtRisk().open(terms(0.05, 0.05, 0.05, correlation=-0.9))
