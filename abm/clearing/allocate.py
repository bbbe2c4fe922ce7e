"""Sharing a whole amount out, to the unit: the one verb behind fees, funding, losses, splits and ADL."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

_FAST_TOTAL = 1 << 50  # below both, quotients estimated in floats are off by one at most
_FAST_WEIGHT = 1 << 60


class Capped(NamedTuple):
    """Shares that respect their caps, and the part of the total that found no room."""

    shares: NDArray[np.int64]  # (n,)
    unplaced: int


def allocate(total: int, weights: ArrayLike) -> NDArray[np.int64]:
    """Whole shares (n,) of `total` in proportion to `weights` (n,), summing to it exactly.

    Largest remainder, ties to the earlier row; a negative total mirrors the positive one. Weights are non-negative
    integers or floats, taken at their exact value (fractional floats and very large numbers cost about 1 µs each).
    Raises ValueError if weights are negative, not finite, or all zero while there is something to share.
    """
    whole = _whole_weights(np.asarray(weights))
    weight = sum(whole.tolist()) if whole.dtype == object or whole.size * int(whole.max()) >= 1 << 62 else int(whole.sum())
    if weight == 0:
        if total != 0:
            raise ValueError(f"allocate: weights must not all be zero, total was {total}")
        return np.zeros(whole.size, dtype=np.int64)
    size = abs(int(total))
    fast = whole.dtype != object and size <= _FAST_TOTAL and weight <= _FAST_WEIGHT
    shares, remainder = _quotas(size, whole, weight) if fast else _long_quotas(size, whole, weight)
    shares[_largest(remainder, size - int(shares.sum()))] += 1
    return shares if total >= 0 else -shares


def allocate_capped(total: int, weights: ArrayLike, cap: ArrayLike) -> Capped:
    """`allocate` with no share larger in size than `cap` (n,): what a full row cannot take goes to the others by weight."""
    weights = np.asarray(weights)
    room = np.asarray(cap, dtype=np.int64)
    if (room < 0).any():
        raise ValueError(f"allocate: cap must be >= 0, was {room.min()} in row {int(room.argmin())}")
    sign, left = (1, int(total)) if total >= 0 else (-1, -int(total))
    shares = np.zeros(weights.size, dtype=np.int64)
    open_rows = np.flatnonzero((weights > 0) & (room > 0))
    while left > 0 and open_rows.size:
        part = allocate(left, weights[open_rows])
        full = part >= room[open_rows]
        if not full.any():
            shares[open_rows] = part
            left = 0
        else:
            shares[open_rows[full]] = room[open_rows[full]]
            left -= int(room[open_rows[full]].sum())
            open_rows = open_rows[~full]
    return Capped(sign * shares, sign * left)


def _largest(values: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Rows of the `n` largest values, ties to the earlier row; fewer than all."""
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    least = np.partition(values, values.size - n)[values.size - n]
    above = np.flatnonzero(values > least)
    return np.concatenate([above, np.flatnonzero(values == least)[: n - above.size]])


def _whole_weights(weights: NDArray[Any]) -> NDArray[Any]:
    """The same proportions as integers: int64 if they fit, Python integers else."""
    if weights.size == 0:
        return np.zeros(0, dtype=object)
    if weights.dtype == object or weights.dtype.kind in "iub":
        if weights.min() < 0:
            raise ValueError(f"allocate: weights must be >= 0, was {weights.min()} in row {int(weights.argmin())}")
        return weights.astype(np.int64) if weights.max() < 1 << 62 else weights.astype(object)
    if not (np.isfinite(weights) & (weights >= 0)).all():
        row = int(np.argmin(np.isfinite(weights) & (weights >= 0)))
        raise ValueError(f"allocate: weights must be finite and >= 0, was {weights[row]} in row {row}")
    if (weights == np.floor(weights)).all() and weights.max() < 1 << 62:
        return weights.astype(np.int64)
    ratios = [Fraction(w).as_integer_ratio() for w in weights.tolist()]
    common = max(bottom for _, bottom in ratios)  # powers of two, so the largest is a multiple of all
    return np.array([top * (common // bottom) for top, bottom in ratios], dtype=object)


def _quotas(total: int, weights: NDArray[np.int64], weight: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Floor and remainder of total * weights / weight: an estimate in floats, corrected in integers modulo 2^64."""
    shares = (weights.astype(np.float64) * (total / weight)).astype(np.int64)
    remainder = np.multiply(weights, np.int64(total)) - np.multiply(shares, np.int64(weight))
    while (low := remainder < 0).any():
        shares[low] -= 1
        remainder[low] += weight
    while (high := remainder >= weight).any():
        shares[high] += 1
        remainder[high] -= weight
    return shares, remainder


def _long_quotas(total: int, weights: NDArray[Any], weight: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """`_quotas` in Python integers of any length; the remainder is given by its rank, which is all that matters."""
    pairs = [divmod(total * w, weight) for w in weights.tolist()]
    distinct = {r: rank for rank, r in enumerate(sorted({r for _, r in pairs}))}
    return np.array([q for q, _ in pairs], dtype=np.int64), np.array([distinct[r] for _, r in pairs], dtype=np.int64)
