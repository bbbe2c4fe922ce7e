"""Trend followers, by hand."""

from __future__ import annotations

import numpy as np

from abm.behaviour.trend import Trend
from tests.behaviour.desk import rigged, said, traders, view

# limit 100 lots, full position at a trend of 2 %; Tina watches the short horizon, Tom the long one
TREND = Trend(full_at=0.02, band=0.25, protection=0.02)
PAIR = traders(2, limit=[[100, 100], [100, 100]], horizon=[0, 1])
FALL = np.array([[-0.01, 0.0], [-0.05, 0.004]])  # short horizon: BTC -1 %; long: BTC -5 %, ETH +0.4 %


def act(**seen: object) -> list[tuple[object, ...]]:
    return said(TREND.decide(view(PAIR, trend=FALL, **seen), np.array([0, 1]), rigged(PAIR, act=0.0)))


def test_each_follows_its_own_horizon_up_to_its_limit() -> None:
    # Tina: 100 x -0.01 / 0.02 = -50; Tom: BTC clipped to -100, ETH +20 lies within the band of 25
    assert act() == [(0, "IOC", "SELL", 50, 0, 9_800), (1, "IOC", "SELL", 100, 0, 9_800)]


def test_a_position_near_the_target_is_left() -> None:
    assert act(position=[[-30, 0], [-70, 0]]) == [(1, "IOC", "SELL", 30, 0, 9_800)]  # gaps 20 and 30, band 25


def test_the_trend_is_over() -> None:
    assert act(position=[[-50, 40], [-100, 60]]) == [(0, "IOC", "SELL", 40, 1, 9_800), (1, "IOC", "SELL", 40, 1, 9_800)]


def test_frozen_traders_send_nothing() -> None:
    assert act(frozen=[[True, True], [True, False]]) == []


def test_horizons_are_the_declared_half_lives() -> None:
    assert Trend(horizon_short=60.0, horizon_long=600.0).horizons == (60.0, 600.0)
