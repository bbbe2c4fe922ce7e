"""Attribution: dividends, Shapley values and shares on toy games computed by hand, and the axioms as laws."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm.measures.attribution import (
    add_one,
    dividends,
    drop_one,
    effects,
    needed,
    shapley,
    share,
    subsets,
    total,
)
from abm.measures.value import Missing

NAMES = ("collateral", "makers", "pairs")


def game(**values):
    """A game from `c=1, cm=4`: initials of the channels that are on; `none` for the empty set."""
    letters = {name[0]: name for name in NAMES}
    return {frozenset() if on == "none" else frozenset(letters[x] for x in on): v for on, v in values.items()}


TWO = game(none=10, c=14, m=11, cm=20)
# alone: collateral 14 - 10 = 4, makers 11 - 10 = 1; together 20 - 10 = 10, so 10 - 4 - 1 = 5 only both have


def test_two_channels_by_hand():
    assert dividends(TWO, NAMES[:2]) == {
        frozenset({"collateral"}): 4,
        frozenset({"makers"}): 1,
        frozenset({"collateral", "makers"}): 5,
    }
    assert shapley(TWO, NAMES[:2]) == {"collateral": 6.5, "makers": 3.5}  # 4 + 5/2 and 1 + 5/2
    assert add_one(TWO, NAMES[:2]) == {"collateral": 4, "makers": 1}
    assert drop_one(TWO, NAMES[:2]) == {"collateral": 9, "makers": 6}  # 20 - 11 and 20 - 14
    assert total(TWO, NAMES[:2]) == 10


def test_three_channels_by_hand():
    toy = game(none=0, c=1, m=2, p=0, cm=6, cp=1, mp=5, cmp=12)
    assert {"".join(sorted(n[0] for n in on)): d for on, d in dividends(toy, NAMES).items()} == {
        "c": 1,
        "m": 2,
        "p": 0,
        "cm": 3,  # 6 - 1 - 2
        "cp": 0,  # 1 - 1 - 0
        "mp": 3,  # 5 - 2 - 0
        "cmp": 3,  # 12 - 1 - 2 - 0 - 3 - 0 - 3
    }
    assert shapley(toy, NAMES) == {"collateral": 3.5, "makers": 6.0, "pairs": 2.5}  # 1+3/2+1, 2+3/2+3/2+1, 3/2+1


def test_a_design_runs_what_it_needs():
    assert len(needed(NAMES, "add_drop")) == 8  # none, all, three alone, three without one
    assert len(needed([*NAMES, "fund"], "add_drop")) == 10  # 2 + 4 + 4
    assert len(needed([*NAMES, "fund"], "factorial")) == 16
    assert needed(["collateral"], "add_drop") == [frozenset(), frozenset({"collateral"})]


def test_effects_are_told_by_kind_and_name():
    assert effects(TWO, NAMES[:2], "factorial") == {
        "effect": {"collateral": 4, "makers": 1, "collateral x makers": 5},
        "shapley": {"collateral": 6.5, "makers": 3.5},
    }
    assert set(effects(TWO, NAMES[:2], "add_drop")) == {"add", "drop"}
    assert set(effects(TWO, NAMES[:2], "shapley")) == {"shapley"}


@st.composite
def games(draw, numbers):
    names = tuple("abcd"[: draw(st.integers(1, 4))])
    return names, {on: draw(numbers) for on in subsets(names)}


whole = games(st.integers(-(10**12), 10**12))
real = games(st.floats(-1.0, 1.0))


@given(whole)
def test_effects_of_whole_numbers_add_up_exactly(drawn):
    names, toy = drawn
    assert sum(dividends(toy, names).values()) == total(toy, names)


@given(real)
def test_effects_and_shapley_values_add_up(drawn):
    names, toy = drawn
    assert sum(dividends(toy, names).values()) == pytest.approx(total(toy, names), abs=1e-12)
    assert sum(shapley(toy, names).values()) == pytest.approx(total(toy, names), abs=1e-12)


@given(whole)
def test_shapley_is_the_mean_over_all_orders_of_arrival(drawn):
    names, toy = drawn
    orders = list(permutations(names))
    naive = {
        name: Fraction(
            sum(toy[frozenset(o[: o.index(name) + 1])] - toy[frozenset(o[: o.index(name)])] for o in orders), len(orders)
        )
        for name in names
    }
    assert shapley(toy, names) == pytest.approx({name: float(value) for name, value in naive.items()}, rel=1e-9, abs=1e-2)


@given(real, st.integers(0, 3))
def test_a_channel_that_changes_nothing_carries_nothing(drawn, which):
    names, toy = drawn
    idle = names[which % len(names)]
    toy = {on: toy[on - {idle}] for on in toy}
    assert shapley(toy, names)[idle] == pytest.approx(0.0, abs=1e-12)
    assert add_one(toy, names)[idle] == drop_one(toy, names)[idle] == 0.0


@given(games(st.floats(-1.0, 1.0)).filter(lambda drawn: len(drawn[0]) > 1))
def test_channels_that_do_the_same_carry_the_same(drawn):
    names, toy = drawn
    first, second, *_ = names
    swap = {first: second, second: first}
    even = {on: toy[on] + toy[frozenset(swap.get(name, name) for name in on)] for on in toy}
    values = shapley(even, names)
    assert values[first] == pytest.approx(values[second], abs=1e-12)


def test_shares_are_ratios_of_sums():
    found = share([1.0, 3.0], [2.0, 6.0], floor=0.0)
    assert found["share"] == 0.5  # (1 + 3) / (2 + 6)
    assert found["low"] == Missing("an interval needs 6 seeds, there are 2")


def test_an_interval_holds_the_share_and_one_of_equal_ratios_has_no_width():
    spread = share([1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 2.0], [4.0] * 7, floor=0.0)
    assert spread["low"] < spread["share"] == 0.5 < spread["high"]  # 14 / 28
    same = share([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2.0, 4.0, 6.0, 8.0, 10.0, 12.0], floor=0.0)
    assert same == {"share": 0.5, "low": pytest.approx(0.5), "high": pytest.approx(0.5)}


@pytest.mark.parametrize("totals", [[0.0] * 6, [-1.0] * 6, [0.0005] * 6])
def test_nothing_material_is_not_shared_out(totals):
    found = share([1.0] * 6, totals, floor=0.001)
    assert all(isinstance(value, Missing) and "nothing material" in value.reason for value in found.values())


def test_a_total_that_may_be_nothing_bounds_no_share():
    found = share([1.0] * 6, [10.0, -8.0, 9.0, -9.0, 8.0, -9.0], floor=0.0)
    assert found["share"] == 6.0  # 6 / 1
    assert isinstance(found["low"], Missing)
    assert "holds 0" in found["low"].reason
