"""What moved a mark, part by part, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.market.causes import Cause, Causes
from abm.market.mark import Marking, Marks
from tests.market.test_mark import listed

LISTED = listed(asset=[0], venue=[0], tick_size=[1.0], opening=[1_000])
FIRST = len(Cause)  # column of the first liquidation


class Desk:
    """One instrument at 1,000 ticks, whose quotes are `spread` around a mid that the test moves."""

    def __init__(self, most: int = 10, **rule: float) -> None:
        self.marks = Marks(LISTED, [Marking(**{"outside_lag": 0.0} | rule)], 5.0)
        self.opening = int(self.marks.mark[0])
        self.causes, self.outside, self.mid = Causes(self.marks, most=most), float(self.opening), self.opening

    def quotes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return tuple(np.array([tick]) for tick in (self.mid - 1, self.mid + 1, self.mid))

    def moved(self, by: int, cause: Cause) -> None:
        """Mid and last trade move together."""
        self.mid += by
        self.causes.note(*self.quotes(), cause=cause)

    def sold(self, by: int, *lots: int) -> None:
        """Liquidations 0, 1 ... sold these lots."""
        self.mid += by
        self.causes.make_room(len(lots))
        weight = np.zeros(self.causes.room)
        for number, sold in enumerate(lots):
            weight[0, self.causes.column(number)] += sold
        self.causes.note_forced(*self.quotes(), weight=weight)

    def mingled(self, by: int, *, sold: dict[int, int], bought: dict[int, int]) -> None:
        """Traders and liquidations sold and bought lots, by column, in one batch."""
        self.mid += by
        self.causes.make_room(2)
        lots = {}
        for name, columns in (("sold", sold), ("bought", bought)):
            lots[name] = np.zeros(self.causes.room)
            lots[name][0, list(columns)] = list(columns.values())
        self.causes.note_mingled(*self.quotes(), **lots)

    def step(self) -> dict[int, float]:
        """The next marks; parts of the move since the opening that are not zero."""
        self.marks.advance(*self.quotes(), np.array([self.outside]))
        self.causes.advance()
        return {column: float(part) for column, part in enumerate(self.causes.mark[0]) if part}


def test_the_outside_value_enters_by_its_weight():
    desk = Desk(book_weight=0.0)
    desk.outside = desk.opening - 40.0
    assert desk.step() == {Cause.OUTSIDE: -40.0}


def test_trades_and_quotes_by_their_moves_of_the_mid():
    desk = Desk(book_weight=1.0)
    desk.moved(-30, Cause.TRADES)
    desk.moved(+10, Cause.QUOTES)
    assert desk.step() == {Cause.TRADES: -30.0, Cause.QUOTES: 10.0}


def test_liquidations_share_a_move_by_the_lots_they_sold():
    desk = Desk(book_weight=1.0)
    desk.sold(-40, 30, 10)  # three quarters and one quarter of 40 ticks
    assert desk.step() == {FIRST: -30.0, FIRST + 1: -10.0}


def test_beyond_those_told_apart_liquidations_are_one_cause():
    desk = Desk(most=1, book_weight=1.0)
    desk.sold(-40, 10, 10, 20)
    assert desk.step() == {FIRST: -10.0, Cause.FORCED: -30.0}


def test_a_forced_order_that_filled_nothing_moved_no_price_itself():
    desk = Desk(book_weight=1.0)
    desk.sold(-6)
    assert desk.step() == {Cause.QUOTES: -6.0}


def test_where_traders_and_liquidations_meet_those_who_push_share_the_move():
    desk = Desk(book_weight=1.0)
    desk.mingled(-40, sold={FIRST: 30, Cause.TRADES: 10}, bought={FIRST + 1: 99})  # buyers have not moved it down
    assert desk.step() == {FIRST: -30.0, Cause.TRADES: -10.0}
    desk.mingled(+6, sold={FIRST: 50}, bought={})  # up by an offer that was filled or a bid that came: nobody's forced order
    assert desk.step() == {FIRST: -30.0, Cause.TRADES: -4.0}


def test_index_basis_and_median_by_hand():
    # weight 0.5, basis gain 1/2 (half-life of one step); the forced sale takes 40 ticks off mid and last.
    # index = -20; basis = (mid - index) / 2 = -10; index + basis = -30; last = -40: the median is -30.
    desk = Desk(book_weight=0.5, basis_half_life=5.0)
    desk.sold(-40, 5)
    assert desk.step() == {FIRST: -30.0}
    # outside -16: index = -28; basis = -10 + (-12 + 10) / 2 = -11; median of -28, -39, -40 is -39 = 0.5 x -16 from outside
    # (-8), its way into the basis ((0 - -8) / 2 = +4), and the sale (-20 - 10 + (-20 + 10) / 2 = -35)
    desk.outside -= 16.0
    assert desk.step() == {Cause.OUTSIDE: -4.0, FIRST: -35.0}


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.integers(-20, 20), st.integers(0, 3), st.integers(-30, 30)), max_size=12),
    st.sampled_from([0.0, 0.3, 0.9]),
)
def test_parts_add_up_to_the_move(moves, weight):
    desk = Desk(book_weight=weight)
    for by, what, news in moves:
        desk.outside += news
        if what == 3:
            desk.sold(by, 1, 2)
        else:
            desk.moved(by, Cause(what))
        desk.step()
        assert desk.causes.mark.sum() == pytest.approx(float(desk.marks.mark[0] - desk.opening), abs=1e-9)
