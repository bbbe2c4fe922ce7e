"""Dynamic margin: its closed forms, its limits, and what each tool of EMIR Art. 28 does on a fixed path."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from abm.clearing.margin.dynamic import Climate, Dynamic
from abm.clearing.margin.half_initial import HalfInitial
from abm.clearing.margin.portfolio import Portfolio
from abm.clearing.margin.terms import Terms
from abm.clearing.margin.tiered import Tiered
from abm.clearing.margin.tools import Buffer, Charged, LongLookback, NoTool, StressedWeight
from abm.clearing.margin.value_at_risk import ValueAtRisk

DAY = 86_400.0


def terms(step: float = DAY, n: int = 1) -> Terms:
    return Terms(tuple("ABCD"[:n]), np.full(n, 10.0), np.full(n, 0.04), np.eye(n), step_seconds=step, cash_units=1.0)


def free(**changes: Any) -> Dynamic:
    """Neither floor nor cap nor speed limit binds."""
    return Dynamic(**({"floor": 1e-6, "cap": 100.0, "rise_per_day": 1e9, "fall_per_day": 1e9} | changes))


def walk(rule: Dynamic, index: list[float], step: float = DAY) -> list[float]:
    """Multiples charged at the opening and after each step of the path."""
    state: Climate = rule.open(terms(step))
    multiples = [state.multiple]
    for level in index:
        state = rule.advance(state, np.array([level]))
        multiples.append(state.multiple)
    return multiples


@pytest.mark.parametrize("shock", [1.0, 5.0])
def test_one_shock_moves_the_multiple_by_the_closed_form(shock: float) -> None:
    step = DAY * np.log2(1 / 0.97)
    multiples = walk(free(half_life=DAY), [100.0, 100.0 * (1 - shock * 0.04 * sqrt(step / DAY))], step)
    assert multiples == pytest.approx([1, 1, sqrt(0.97 + 0.03 * shock**2)])  # k = 5: 1.311


def test_the_volatility_is_the_mean_over_instruments() -> None:
    rule = free(half_life=DAY)
    state = rule.advance(rule.open(terms(n=2)), np.array([100.0, 10.0]))
    state = rule.advance(state, np.array([112.0, 9.6]))  # 12 % and -4 % are 3 and 1 opening volatilities
    assert state.multiple == pytest.approx(sqrt(0.5 + 0.5 * (9 + 1) / 2))


def test_scaling_follows_part_of_a_change() -> None:
    after = walk(free(half_life=DAY, scaling=0.5), [100.0, 112.0])[-1]
    assert after == pytest.approx((1 + sqrt(5)) / 2)  # half-way to the ratio sqrt((1 + 9) / 2)


def test_floor_cap_and_speed_limits() -> None:
    path = [100.0, 140.0, *[140.0] * 30]
    low, high = min(walk(free(floor=0.8, half_life=DAY), path)), max(walk(free(cap=2.0, half_life=DAY), path))
    assert (low, high) == (0.8, 2.0)
    slow = walk(free(rise_per_day=0.25, fall_per_day=0.1, half_life=DAY), path)
    assert slow[2] == pytest.approx(1.25)  # x 1.25 a day upwards, though the ratio is 7.1
    ratios = np.array(slow[1:]) / slow[:-1]
    assert ratios.max() <= 1.25 + 1e-12 and ratios.min() >= 1 / 1.1 - 1e-12


@pytest.mark.parametrize("base", [Tiered(), HalfInitial(), Portfolio(offset=0.5), ValueAtRisk()])
def test_any_rule_is_scaled(base: Any) -> None:
    rule, lots, price = free(base=base, half_life=DAY), np.array([[1_000, -500]]), np.array([10_000, 30_000])
    state, still = rule.open(terms(n=2)), base.open(terms(n=2))
    for level in ([100.0, 10.0], [112.0, 9.6]):
        state, still = rule.advance(state, np.array(level)), base.advance(still, np.array(level))
    scaled, plain = rule.requirement(lots, price, state), base.requirement(lots, price, still)
    for found, expected in zip(scaled, plain, strict=True):
        assert found[0] == pytest.approx(sqrt(3) * expected[0], abs=1)  # sqrt((1 + 5) / 2)


# calm, a week of five-fold volatility, calm again; returns alternate in sign
CALM, STORM = 0.02, 0.2
MOVES = [CALM] * 60 + [STORM] * 7 + [CALM] * 90
PATH = list(100 * np.cumprod([1 + move * (-1) ** day for day, move in enumerate(MOVES)]))


def procyclicality(tool: Any) -> tuple[float, float, float]:
    """Peak-to-trough ratio, and the largest relative rise in 1 and in 5 days (Murphy, Vasios and Vause 2014)."""
    margin = np.array(walk(free(half_life=5 * DAY, tool=tool), PATH)[40:])
    rises = [float((margin[n:] / margin[:-n] - 1).max()) for n in (1, 5)]
    return float(margin.max() / margin.min()), rises[0], rises[1]


@pytest.mark.parametrize(
    "tool",
    [
        Buffer(lookback=5 * DAY, rebuild_half_life=60 * DAY),
        StressedWeight(),
        LongLookback(multiple=1.2),
    ],
)
def test_each_tool_lowers_peak_to_trough_and_n_day_procyclicality(tool: Any) -> None:
    bare, tamed = procyclicality(NoTool()), procyclicality(tool)
    assert all(with_tool < without for with_tool, without in zip(tamed, bare, strict=True))


def test_tools_by_hand() -> None:
    calm, rising = Charged(1.0, 1.0, 1.25, DAY), Charged(1.1, 1.0, 1.25, DAY)
    assert Buffer().charge(calm) == 1.25  # the buffer stands
    assert Buffer().charge(rising) == 1.25  # 1.1 x 1.25 is asked for, the buffer pays
    assert Buffer().charge(Charged(1.5, 1.0, 1.25, DAY)) == 1.5  # it is used up
    assert Buffer().charge(Charged(1.2, 1.2, 1.25, DAY)) == pytest.approx(1.375)  # half-way back to 1.5 after a day
    assert Buffer().charge(Charged(0.8, 1.2, 1.5, DAY)) == pytest.approx(1.0)  # never above 1.25 x 0.8
    assert StressedWeight(multiple=3.0).charge(calm) == 0.75 + 0.75
    assert LongLookback(multiple=1.5).charge(rising) == 1.5 and LongLookback(multiple=1.0).charge(rising) == 1.1


def test_floor_above_cap() -> None:
    with pytest.raises(ValidationError, match="margin.floor must be at most cap=2, was 3"):
        Dynamic(floor=3.0, cap=2.0)


def test_assets_that_do_not_move_by_themselves_do_not_count() -> None:
    rule, calm = free(half_life=DAY), terms(n=2)._replace(volatility=np.array([0.04, 0.0]))
    state = rule.advance(rule.advance(rule.open(calm), [100.0, 100.0]), [108.0, 101.0])
    assert state.variance == pytest.approx(0.5 + 0.5 * 4.0)  # 8 % are two deviations of the first alone
    still = terms()._replace(volatility=np.zeros(1))
    assert rule.advance(rule.advance(rule.open(still), [100.0]), [108.0]).multiple == 1.0
