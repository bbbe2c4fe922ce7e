"""The supervisor: who is halted together, by whose rules, and what a halted book refuses."""

from __future__ import annotations

import numpy as np
import pytest

from abm.market.breakers.band import PriceBand
from abm.market.breakers.none import NoBreaker
from abm.market.breakers.rolling import RollingHalt
from abm.market.order import Kind, orders
from tests.market.breakers.floor import BTC, BTC2, ETH, Floor, traded

FALL = {BTC: traded(965)}  # 3.5 %


def test_without_a_breaker_nothing_ever_closes() -> None:
    floor = Floor(NoBreaker(), NoBreaker())
    assert floor.step({BTC: traded(1)}) == []
    assert floor.band() == [1, 3_999]
    assert floor.breakers.idle


@pytest.mark.parametrize(("coordinated", "closed"), [(False, [BTC]), (True, [BTC, BTC2])])
def test_a_trip_halts_the_same_asset_elsewhere_if_coordinated(coordinated: bool, closed: list[int]) -> None:
    floor = Floor(RollingHalt(coordinated=coordinated), NoBreaker())
    assert floor.step(FALL) == closed
    assert floor.breakers.begun.tolist() == closed
    assert floor.steps_closed() == 24
    assert floor.closed == [] and floor.breakers.ended.tolist() == closed


def test_the_other_venue_may_have_the_breaker_that_does_not_trip() -> None:
    floor = Floor(NoBreaker(), RollingHalt(coordinated=True))
    assert floor.step(FALL) == []  # the first venue has none


def test_a_window_starts_anew_after_a_halt_that_came_from_elsewhere() -> None:
    floor = Floor(RollingHalt(coordinated=True, halt=5.0), PriceBand())
    floor.step(FALL)
    floor.step(FALL)
    assert floor.band(BTC2) == [1, 3_999]
    assert floor.band(ETH) == [965, 1_035]


def test_the_longer_halt_decides_what_holds() -> None:
    long = RollingHalt(coordinated=True, halt=30.0, marks="follow")
    floor = Floor(RollingHalt(halt=10.0, marks="freeze"), long)
    assert floor.step(FALL) == [BTC]
    assert floor.breakers.halts.frozen.tolist() == [True, False, False, False]
    floor.step({BTC2: traded(965)})  # now the other venue trips
    assert floor.closed == [BTC, BTC2]
    assert not floor.breakers.halts.frozen.any()
    assert floor.steps_closed() == 6


@pytest.mark.parametrize(
    ("orders_", "refused", "pulled"),
    [
        ("refuse", [True, False, False, True, True, False], []),
        ("cancel_only", [True, False, False, False, True, False], []),
        ("pull", [True, False, False, False, True, False], [BTC]),
    ],
)
def test_what_a_halted_book_refuses(orders_: str, refused: list[bool], pulled: list[int]) -> None:
    floor = Floor(RollingHalt(orders=orders_))
    batch = orders(
        trader=[1, 1, 2, 3, 3, 4],
        instrument=[BTC, ETH, BTC, BTC, BTC, -1],
        side=1,
        lots=5,
        kind=[Kind.IOC, Kind.LIMIT, Kind.CANCEL_ALL, Kind.CANCEL_ALL, Kind.LIMIT, Kind.CANCEL_ALL],
    )
    assert not floor.breakers.refused(batch).any()
    floor.step(FALL)
    # in BTC: an order; in ETH: an order; a plain cancel; a cancel and its replacement; a cancel everywhere
    assert floor.breakers.refused(batch).tolist() == refused
    assert floor.breakers.pulled.tolist() == pulled
    floor.step(FALL)
    assert floor.breakers.pulled.tolist() == []  # once


def test_orders_beyond_the_band_are_moved_to_it_or_left_to_be_refused() -> None:
    batch = orders(trader=1, instrument=BTC, side=[1, -1, 1, -1, 1, -1], lots=5, tick=[1_100, 900, 1_050, 951, 4_000, -1])
    assert Floor(PriceBand()).breakers.within(batch)["tick"].tolist() == [1_050, 950, 1_050, 951, 4_000, -1]
    assert batch["tick"].tolist() == [1_100, 900, 1_050, 951, 4_000, -1]  # the sender's own batch is as it was
    assert Floor(PriceBand(beyond="refuse")).breakers.within(batch) is batch
    assert np.array_equal(Floor(NoBreaker()).breakers.within(batch), batch)
