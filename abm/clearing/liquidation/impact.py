"""Least impact: the positions whose closing costs least per margin released, so that hedges are kept together.

Under a portfolio margin rule one leg of a hedge releases nothing when it is closed alone, the requirement may even rise.
So not only single positions are tried but also pairs, and the whole account, each in proportion to what is held.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from abm.clearing.liquidation.seized import Seized

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Masks = NDArray[np.bool_]

TRIAL = 1 / 8  # part of the candidates on trial: small, but more than the rounding of margins to whole units
GRID = 16  # shares of the chosen candidate that are tried first
HALVINGS = 16  # then the share is found to 1 / (GRID x 2^HALVINGS)


def cheapest(seized: Seized) -> Masks:
    """The positions (k, n_instruments) whose closing costs least per margin released; all where nothing releases any."""
    return _best(seized, np.arange(len(seized.position)), seized.position, target=1.0)


def restoring(seized: Seized, target: float) -> Ints:
    """Lots (k, n_instruments), signed like the position, that lift equity to `target` x maintenance if filled at the mark.

    The cheapest candidate is closed until the target is met or its closing releases no more; then the next one follows.
    Everything is closed where nothing less is enough.
    """
    left = seized.position.copy()
    for _ in range(2 * left.shape[1]):
        rows = np.flatnonzero((_missing(seized, np.arange(len(left)), left, target) > 0) & left.any(axis=1))
        if not len(rows):
            return seized.position - left
        chosen = _best(seized, rows, left[rows], target=target)
        left[rows] -= _along(seized, rows, left[rows] * chosen, left[rows], target)
    left[_missing(seized, np.arange(len(left)), left, target) > 0] = 0
    return seized.position - left


def cost_per_lot(seized: Seized, rows: Ints, left: Ints) -> Floats:
    """Expected slippage of each lot if all of `left` (m, n_instruments) is closed at once, (m, n_instruments).

    In cash units times the distance to which depth is visible: depth D spread evenly over it costs the average lot of a
    closing of q lots price x q / (2 D). A side without depth counts as one lot.
    """
    return np.asarray(seized.price * np.abs(left) / (2.0 * np.maximum(seized.facing[rows], 1)))


def _missing(seized: Seized, rows: Ints, left: Ints, target: float) -> Floats:
    """target x requirement - equity after closing down to `left` (m, n_instruments) at the mark, (m,) cash units."""
    fee = seized.fee_rate * (np.abs(seized.position[rows] - left) @ seized.price)
    return np.asarray(target * seized.required(rows, left) - seized.equity[rows] + fee)


def _candidates(n_instruments: int) -> list[NDArray[np.bool_]]:
    """Sets of positions to close together: single ones, pairs, all; (n_instruments,) each."""
    groups = [{leg} for leg in range(n_instruments)] + [set(pair) for pair in combinations(range(n_instruments), 2)]
    groups += [set(range(n_instruments))] if n_instruments > 2 else []
    return [np.isin(np.arange(n_instruments), sorted(group)) for group in groups]


def _best(seized: Seized, rows: Ints, left: Ints, target: float) -> Masks:
    """The candidate of least cost per margin released in each of `rows` (m,), (m, n_instruments); all if none gains."""
    whole, cost = seized.required(rows, left), cost_per_lot(seized, rows, left)
    chosen: Masks = left != 0
    least = np.full(len(rows), np.inf)
    for candidate in _candidates(left.shape[1]):
        lots = _part(left * candidate, np.full(len(rows), TRIAL))
        released = whole - seized.required(rows, left - lots)
        fee = seized.fee_rate * (np.abs(lots) @ seized.price)
        gains = (target * released > fee) & lots.any(axis=1)
        score = np.where(gains, (np.abs(lots) * cost).sum(axis=1) / np.where(gains, released, 1), np.inf)
        better = score < least
        least[better] = score[better]
        chosen[better] = (candidate & (left != 0))[better]
    return chosen


def _along(seized: Seized, rows: Ints, closing: Ints, left: Ints, target: float) -> Ints:
    """Least part of `closing` (m, n_instruments) that meets the target, or the one that comes nearest to it."""

    def missing(share: Floats) -> Floats:
        return _missing(seized, rows, left - _part(closing, share), target)

    shares = np.arange(1, GRID + 1) / GRID
    tried = np.stack([missing(np.full(len(rows), share)) for share in shares], axis=1)
    met = (tried <= 0).any(axis=1)
    high = shares[np.where(met, np.argmax(tried <= 0, axis=1), np.argmin(tried, axis=1))]
    low = np.where(met, high - 1 / GRID, high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        enough = missing(middle) <= 0
        low, high = np.where(enough, low, middle), np.where(met & enough, middle, high)
    return _part(closing, high)


def _part(lots: Ints, share: Floats) -> Ints:
    """`share` (m,) of `lots` (m, n_instruments), rounded away from zero to whole lots."""
    return np.sign(lots) * np.ceil(share[:, np.newaxis] * np.abs(lots)).astype(np.int64)
