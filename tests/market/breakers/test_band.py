"""Price band, limit state and pause, each by hand calculation."""

from __future__ import annotations

import pytest

from abm.market.breakers.band import PriceBand
from tests.market.breakers.floor import BTC, ETH, Floor, traded

AT_BAND = {BTC: (945, 950, 950)}  # the best offer sits at 1,000 less 5 %


def test_the_band_is_a_share_of_the_reference_which_opens_at_the_opening_price() -> None:
    assert Floor(PriceBand()).band() == [950, 1_050]
    assert Floor(PriceBand(width=0.1)).band() == [900, 1_100]


def test_trading_pauses_after_fifteen_seconds_at_the_band() -> None:
    floor = Floor(PriceBand())
    assert [floor.step(AT_BAND) for _ in range(4)] == [[], [], [], [BTC]]  # at the ends of steps 0, 5, 10 and 15 s
    assert floor.steps_closed() == 60  # 5 min of 5 s
    assert Floor(PriceBand(limit_state=0.0)).step(AT_BAND) == [BTC]
    floor = Floor(PriceBand())
    assert [floor.step({BTC: (1_050, 1_055, 1_050)}) for _ in range(4)][-1] == [BTC]  # bid at the upper band


def test_a_book_that_leaves_its_band_in_time_does_not_pause() -> None:
    floor = Floor(PriceBand(reference_move=0.1))
    for _ in range(3):
        floor.step(AT_BAND)
    assert floor.step({BTC: (949, 951, 950)}) == []  # a tick above the band is inside; the mean, 975, is only 2.5 % away
    assert [floor.step(AT_BAND) for _ in range(4)] == [[], [], [], [BTC]]  # counted anew


def test_the_reference_is_the_mean_of_the_window_once_it_is_far_enough() -> None:
    floor = Floor(PriceBand(window=15.0))
    floor.step({BTC: traded(1_018)})
    assert floor.band() == [950, 1_050]  # mean of 1,000 and 1,018 is 0.9 % away
    floor.step({BTC: traded(1_024)})
    assert floor.band() == [963, 1_065]  # 3,042 / 3 = 1,014: 963.3 and 1,064.7
    floor.step({BTC: traded(1_048)})
    assert floor.band() == [978, 1_082]  # 1,000 has left the window: 3,090 / 3 = 1,030, 978.5 (half to even) and 1,081.5
    assert floor.band(ETH) == [950, 1_050]


def test_the_window_may_average_mids() -> None:
    floor = Floor(PriceBand(window=5.0, price="mid"))
    floor.step({BTC: (1_008, 1_032, 1_000)})
    assert floor.band() == [969, 1_071]  # 1,020


def test_reference_and_window_stand_still_while_the_book_sits_at_its_band() -> None:
    floor = Floor(PriceBand(window=15.0))
    for _ in range(3):
        floor.step(AT_BAND)
        assert floor.band() == [950, 1_050]


@pytest.mark.parametrize("reopening", ["open", "stale"])
def test_after_the_pause(reopening: str) -> None:
    floor = Floor(PriceBand(reopening=reopening, pause=20.0))
    while not floor.step(AT_BAND):
        pass
    assert floor.steps_closed(quotes=AT_BAND) == 4
    if reopening == "stale":
        assert floor.band() == [950, 1_050]
    else:
        assert floor.band() == [1, 3_999]  # the first step finds its price without a band
        floor.step({BTC: (790, 810, 950)})
        assert floor.band() == [760, 840]  # 5 % around the mid


def test_the_straddle_state_counts_only_if_the_rule_says_so() -> None:
    outside = {BTC: (940, 960, 955)}  # who sells finds no buyer within the band
    floor = Floor(PriceBand())
    assert [floor.step(outside) for _ in range(8)] == [[]] * 8
    floor = Floor(PriceBand(straddle=True))
    assert [floor.step(outside) for _ in range(4)][-1] == [BTC]


def test_an_empty_book_does_not_sit_at_its_band() -> None:
    floor = Floor(PriceBand(straddle=True))
    assert [floor.step({BTC: (0, 0, 1_000)}) for _ in range(8)] == [[]] * 8
