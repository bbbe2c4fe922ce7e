"""Market-wide levels by hand calculation."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from abm.market.breakers.market_wide import MarketWide
from tests.market.breakers.floor import BTC, BTC2, ETH, ETH2, Floor, traded


def fall(tick: int) -> dict[int, tuple[int, int, int]]:
    return {BTC: traded(tick), ETH: traded(tick)}


def test_levels_halt_all_books_once_each_and_the_third_for_ever() -> None:
    floor = Floor(MarketWide())
    assert floor.step(fall(931)) == []  # 6.9 %
    assert floor.step(fall(930)) == [BTC, ETH]  # 7 % exactly
    assert floor.steps_closed(quotes=fall(930)) == 180  # 15 min of 5 s
    assert floor.step(fall(920)) == []
    assert floor.step(fall(990)) == []
    assert floor.step(fall(930)) == []  # level 1 has been used
    assert floor.step(fall(870)) == [BTC, ETH]  # 13 %
    assert floor.steps_closed(quotes=fall(870)) == 180
    assert floor.step(fall(800)) == [BTC, ETH]  # 20 %
    assert [floor.step(fall(990)) for _ in range(500)][-1] == [BTC, ETH]


def test_a_fall_through_two_levels_counts_as_the_deeper() -> None:
    floor = Floor(MarketWide(halt=10.0))
    assert floor.step(fall(860)) == [BTC, ETH]
    assert floor.steps_closed(quotes=fall(860)) == 2
    assert floor.step(fall(920)) == []


def test_a_rise_halts_nobody() -> None:
    assert Floor(MarketWide()).step(fall(1_500)) == []


@pytest.mark.parametrize(("weights", "halts"), [("open_interest", False), ("equal", True)])
def test_the_index_weighs_by_open_interest_or_equally(weights: str, halts: bool) -> None:
    floor = Floor(MarketWide(weights=weights), interest=[100.0, 300.0])
    # BTC falls by 20 %: 5 % of the index by open interest, 10 % by equal weights
    assert floor.step({BTC: traded(800)}) == ([BTC, ETH] if halts else [])


@pytest.mark.parametrize(("coordinated", "closed"), [(False, [BTC2, ETH2]), (True, [BTC, ETH, BTC2, ETH2])])
def test_each_venue_has_an_index_of_its_own(coordinated: bool, closed: list[int]) -> None:
    floor = Floor(MarketWide(), MarketWide(coordinated=coordinated))
    assert floor.step({BTC2: traded(900), ETH2: traded(900)}) == closed


def test_levels_must_rise() -> None:
    with pytest.raises(ValidationError, match="levels must rise, first < second < third, were 0.07, 0.05, 0.2"):
        MarketWide(second=0.05)
