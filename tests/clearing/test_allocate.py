"""Sharing out: exact to the unit, largest remainder, ties by row."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.clearing.allocate import allocate, allocate_capped


def naive(total: int, weights: list[Fraction]) -> list[int]:
    """Largest remainder in fractions."""
    size, whole = abs(total), sum(weights)
    quotas = [size * w / whole for w in weights]
    shares = [int(q) for q in quotas]
    order = sorted(range(len(weights)), key=lambda i: (-(quotas[i] - shares[i]), i))
    for i in order[: size - sum(shares)]:
        shares[i] += 1
    return shares if total >= 0 else [-s for s in shares]


def test_largest_remainder_then_row() -> None:
    # 10 over 1:1:1 = 3.33 each; one unit left, equal remainders, the first row gets it
    assert allocate(10, [1, 1, 1]).tolist() == [4, 3, 3]
    # 7 over 5:3:2 = 3.5, 2.1, 1.4; one unit left, to .5
    assert allocate(7, [5, 3, 2]).tolist() == [4, 2, 1]
    assert allocate(-7, [5, 3, 2]).tolist() == [-4, -2, -1]


def test_nothing_over_nobody() -> None:
    assert allocate(0, [0, 0]).tolist() == [0, 0]
    assert allocate(0, []).tolist() == []
    with pytest.raises(ValueError, match="must not all be zero, total was 5"):
        allocate(5, [0.0, 0.0])
    with pytest.raises(ValueError, match="must not all be zero"):
        allocate(1, [])


@pytest.mark.parametrize("weights", [[1, -1], [1.0, -0.5], [1.0, float("nan")], [1.0, float("inf")]])
def test_weights_that_are_no_weights(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="in row 1"):
        allocate(5, weights)


weights = st.one_of(
    st.lists(st.integers(0, 20), min_size=1, max_size=20),
    st.lists(st.integers(0, 2**40), min_size=1, max_size=20),
    st.lists(st.integers(0, 2**62), min_size=1, max_size=8),
    st.lists(st.floats(0, 1e12, allow_subnormal=False), min_size=1, max_size=12),
)
totals = st.one_of(st.integers(-100, 100), st.integers(-(2**50), 2**50), st.integers(-(2**62), 2**62))


@given(totals, weights)
@settings(deadline=None, max_examples=300)
def test_equals_fractions(total: int, weights: list[float]) -> None:
    if sum(weights) > 0:
        shares = allocate(total, weights)
        assert shares.tolist() == naive(total, [Fraction(w) for w in weights])
        assert sum(shares.tolist()) == total


def test_many_rows_of_money() -> None:
    rng = np.random.default_rng(0)
    notional = rng.integers(0, 10**11, 5_000)  # cash units; products exceed 64 bits
    assert allocate(10**11 + 7, notional).tolist() == naive(10**11 + 7, [Fraction(int(w)) for w in notional])


def test_capped() -> None:
    # 100 over 1:1:2 would be 25, 25, 50; the last takes 20, the 80 left are shared 1:1
    shares, unplaced = allocate_capped(100, [1, 1, 2], [1000, 1000, 20])
    assert (shares.tolist(), unplaced) == ([40, 40, 20], 0)
    # room for 5 + 20 only; the row without weight takes nothing
    shares, unplaced = allocate_capped(-100, [1, 0, 2], [5, 1000, 20])
    assert (shares.tolist(), unplaced) == ([-5, 0, -20], -75)


@given(st.integers(-(10**6), 10**6), st.lists(st.tuples(st.integers(0, 50), st.integers(0, 10**5)), min_size=1, max_size=15))
@settings(deadline=None, max_examples=200)
def test_capped_places_all_it_can(total: int, rows: list[tuple[int, int]]) -> None:
    weights, cap = zip(*rows, strict=True)
    shares, unplaced = allocate_capped(total, weights, cap)
    room = sum(c for w, c in rows if w)
    assert sum(shares.tolist()) + unplaced == total
    assert abs(unplaced) == max(0, abs(total) - room)
    assert (np.abs(shares) <= cap).all() and (np.abs(shares)[np.array(weights) == 0] == 0).all()
