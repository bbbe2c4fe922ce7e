"""Half of the initial margin at maximum leverage, with the rates that Hyperliquid publishes."""

import numpy as np
import pytest

from abm.clearing.margin.half_initial import HalfInitial
from abm.clearing.margin.terms import Terms


def terms(*leverage: float) -> Terms:
    n = len(leverage)
    names = tuple(f"A{k}" for k in range(n))
    return Terms(names, np.array(leverage), np.full(n, 0.05), np.eye(n), step_seconds=1.0, cash_units=1.0)


@pytest.mark.parametrize(("leverage", "initial", "maintenance"), [(40, 2_500, 1_250), (20, 5_000, 2_500), (3, 33_333, 16_667)])
def test_published_rates(leverage: float, initial: int, maintenance: int) -> None:
    rule = HalfInitial()  # of 100,000: 1.25 % at 40x to 16.7 % at 3x
    found = rule.requirement(np.array([[100], [-100]]), np.array([1_000]), rule.open(terms(leverage)))
    assert found.initial.tolist() == [initial] * 2
    assert found.maintenance.tolist() == [maintenance] * 2


def test_legs_add_and_an_own_leverage_counts() -> None:
    rule = HalfInitial(max_leverage={"A1": 5.0})
    found = rule.requirement(np.array([[10, -10]]), np.array([100, 200]), rule.open(terms(10, 50)))
    # 1,000 / 20 + 2,000 / 10
    assert found.maintenance.tolist() == [250]
