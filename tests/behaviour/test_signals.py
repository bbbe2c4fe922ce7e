"""Signals: the trend and the volatility that every trader can compute."""

from __future__ import annotations

import numpy as np
import pytest

from abm.behaviour.signals import Signals

DAY = 86_400.0


def signals(*, volatility: float = 0.04, horizons: tuple[float, ...] = (10.0, 20.0), memory: float = 10.0) -> Signals:
    """BTC and ETH at 100 and 200 ticks, steps of 10 s."""
    return Signals(
        np.array([100.0, 200.0]),
        volatility_daily=np.array([volatility, volatility]),
        horizons=horizons,
        memory=memory,
        step_seconds=10.0,
    )


def test_nothing_has_happened_at_the_opening() -> None:
    fresh = signals()
    assert fresh.trend.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert fresh.volatility_ratio.tolist() == [1.0, 1.0]


def test_the_average_halves_its_gap_in_a_half_life() -> None:
    moved = signals()
    moved.advance(np.array([120.0, 200.0]))
    # half-life of one step: average 110; of two steps: 100 + 20 (1 - 2^-0.5)
    assert moved.trend[:, 0] == pytest.approx([120 / 110 - 1, 120 / (100 + 20 * (1 - 2**-0.5)) - 1])
    assert moved.trend[:, 1].tolist() == [0.0, 0.0]  # the other asset is not touched
    moved.advance(np.array([120.0, 200.0]))
    assert moved.trend[:, 0] == pytest.approx([120 / 115 - 1, 120 / 110 - 1])


def test_a_move_raises_the_volatility_and_calm_lowers_it_below_normal() -> None:
    moved = signals()
    normal = 0.04**2 * 10.0 / DAY
    moved.advance(np.array([102.0, 200.0]))
    # half of the old variance and half of the squared return of 2 %; the calm asset keeps half of its variance
    assert moved.volatility_ratio == pytest.approx([((normal + 0.02**2) / 2 / normal) ** 0.5, 0.5**0.5])


def test_an_ordinary_path_has_ratio_one() -> None:
    steady = signals(memory=600.0)
    step = 0.04 * (10.0 / DAY) ** 0.5
    price = np.array([100.0, 200.0])
    for n in range(200):
        price = price * (1 + step if n % 2 else 1 / (1 + step))
        steady.advance(price)
    assert steady.volatility_ratio == pytest.approx([1.0, 1.0], rel=1e-3)


def test_an_asset_without_volatility_has_ratio_one() -> None:
    still = signals(volatility=0.0)
    still.advance(np.array([100.0, 200.0]))
    assert still.volatility_ratio.tolist() == [1.0, 1.0]


def test_the_index_given_is_not_kept_by_reference() -> None:
    index = np.array([110.0, 200.0])
    kept = signals()
    kept.advance(index)
    index[:] = 1.0
    kept.advance(np.array([110.0, 200.0]))
    # the second step is calm: half of a half of the squared move of 10 %
    normal = 0.04**2 * 10.0 / DAY
    assert kept.volatility_ratio[0] == pytest.approx(((normal + 0.1**2) / 4 / normal) ** 0.5, rel=1e-3)
