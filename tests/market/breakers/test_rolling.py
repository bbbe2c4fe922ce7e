"""The halt after a move within a rolling window, by hand calculation."""

from __future__ import annotations

import pytest

from abm.market.breakers.rolling import RollingHalt
from tests.market.breakers.floor import BTC, ETH, Floor, traded


def test_limits_are_shares_of_high_and_low_of_the_window() -> None:
    floor = Floor(RollingHalt())
    assert floor.band() == [965, 1_035]
    floor.step({BTC: traded(1_020)})
    assert floor.band() == [984, 1_035]  # 1,020 x 0.965 = 984.3; 1,000 x 1.035
    floor.step({BTC: traded(1_010)})
    assert floor.band() == [984, 1_035]


@pytest.mark.parametrize(
    ("quotes", "halts"),
    [
        ((966, 968, 967), False),
        ((965, 967, 966), False),  # a tick above the limit
        ((960, 970, 965), True),  # a trade at the limit
        ((960, 965, 968), True),  # an offer at the limit
        ((1_035, 1_040, 1_030), True),  # a bid at the upper limit
        ((0, 0, 1_035), True),
        ((0, 0, 1_000), False),
    ],
)
def test_a_trade_or_quote_at_a_limit_halts_the_book(quotes: tuple[int, int, int], halts: bool) -> None:
    assert Floor(RollingHalt()).step({BTC: quotes}) == ([BTC] if halts else [])


def test_the_halt_lasts_two_minutes_and_the_window_starts_anew() -> None:
    floor = Floor(RollingHalt())
    floor.step({BTC: traded(965)})
    assert floor.steps_closed(quotes={BTC: traded(965)}) == 24
    assert floor.band() == [1, 3_999]
    assert floor.step({BTC: (790, 810, 965)}) == []  # a gap after the halt is no move within the new window
    assert floor.band() == [772, 828]  # 3.5 % of the mid of 800
    assert floor.band(ETH) == [965, 1_035]
    assert floor.step({BTC: traded(772)}) == [BTC]


def test_slow_moves_leave_the_window() -> None:
    falls = [{BTC: traded(tick)} for tick in (990, 980, 970, 960, 950, 940)]  # 1 % in a step
    floor = Floor(RollingHalt(window=15.0))
    assert [floor.step(fall) for fall in falls] == [[]] * 6  # never 3.5 % below the highest of three steps
    floor = Floor(RollingHalt(window=60.0))
    assert [floor.step(fall) for fall in falls][:4] == [[], [], [], [BTC]]  # 960 is below 965


def test_limits_are_a_tick_away_at_least() -> None:
    assert Floor(RollingHalt(move=1e-6)).band() == [999, 1_001]
