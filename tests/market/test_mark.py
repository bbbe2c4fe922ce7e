"""Index and mark, each by hand calculation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from abm.market.instrument import Instruments
from abm.market.mark import Marking, Marks

STEP = 5.0  # seconds


def listed(*, asset: list[int], venue: list[int], tick_size: list[float], opening: list[int]) -> Instruments:
    """Instruments with the given columns."""
    ones = np.ones(len(asset), np.int64)
    names = tuple(f"I{i}" for i in range(len(asset)))
    columns = np.array(asset), np.array(venue), np.array(tick_size), 1.0 * ones, ones, np.array(opening), 40_000 * ones
    return Instruments(names, *columns)


def one() -> Instruments:
    """A single instrument that opened at 100 ticks."""
    return listed(asset=[0], venue=[0], tick_size=[1.0], opening=[100])


def ticks(*values: int) -> NDArray[np.int64]:
    return np.array(values)


def fed(marks: Marks, bid: int, ask: int, last: int, outside: float) -> tuple[float, int]:
    """Index and mark of a single instrument after one step."""
    marks.advance(ticks(bid), ticks(ask), ticks(last), np.array([outside]))
    return float(marks.index[0]), int(marks.mark[0])


def test_before_the_first_step_index_and_mark_are_the_opening_price() -> None:
    marks = Marks(one(), [Marking()], STEP)
    assert marks.index.tolist() == [100.0] and marks.mark.tolist() == [100]


def test_the_index_weighs_the_book_with_w_and_the_outside_value_with_the_rest() -> None:
    marks = Marks(one(), [Marking(book_weight=0.75, outside_lag=0.0)], STEP)
    index, _ = fed(marks, 90, 94, 92, 100.0)
    assert index == 94.0  # 0.75 x 92 + 0.25 x 100


def test_the_mark_is_the_median_of_index_index_with_averaged_basis_and_last() -> None:
    rule = Marking(book_weight=0.5, basis_half_life=STEP, outside_lag=0.0)  # a gain of one half per step
    # mid 80, outside 100: index 90, basis 0.5 x (80 - 90) = -5, index + basis 85
    assert fed(Marks(one(), [rule], STEP), 79, 81, 70, 100.0) == (90.0, 85)  # median(90, 85, 70)
    assert fed(Marks(one(), [rule], STEP), 79, 81, 87, 100.0) == (90.0, 87)  # median(90, 85, 87)
    assert fed(Marks(one(), [rule], STEP), 79, 81, 99, 100.0) == (90.0, 90)  # median(90, 85, 99)
    marks = Marks(one(), [rule], STEP)
    fed(marks, 79, 81, 70, 100.0)
    # basis -5 + 0.5 x (80 - 90 + 5) = -7.5: median(90, 82.5, 70), half a tick to the even one
    assert fed(marks, 79, 81, 70, 100.0) == (90.0, 82)


def test_the_basis_forgets_half_in_one_half_life_however_long_the_step() -> None:
    rule = Marking(book_weight=0.5, basis_half_life=20.0, outside_lag=0.0)
    marks = Marks(one(), [rule], STEP)
    for _ in range(4):  # 4 steps of 5 s are one half-life
        _, mark = fed(marks, 39, 41, 1, 100.0)
    assert mark == 55  # index 70, basis 0.5 x (40 - 70) = -15


def test_the_outside_value_enters_after_its_lag() -> None:
    marks = Marks(one(), [Marking(book_weight=0.0, outside_lag=12.0)], STEP)  # ceil(12 / 5) = 3 steps
    seen = [fed(marks, 0, 0, 100, value)[0] for value in (90.0, 80.0, 70.0, 60.0, 50.0)]
    assert seen == [100.0, 100.0, 100.0, 90.0, 80.0]


def test_a_lag_of_whole_steps_is_not_lengthened_by_rounding() -> None:
    marks = Marks(one(), [Marking(book_weight=0.0, outside_lag=2.1)], 0.3)  # 2.1 / 0.3 is 7.000000000000001 in floats
    seen = [fed(marks, 0, 0, 100, 90.0)[1] for _ in range(9)]
    assert seen == [100] * 7 + [90] * 2


def test_without_weight_of_the_book_the_mark_is_the_outside_value_alone() -> None:
    marks = Marks(one(), [Marking(book_weight=0.0, outside_lag=0.0)], STEP)
    outside = [97.3, 91.7, 88.5, 93.49]
    assert [fed(marks, 40, 42, 39, value) for value in outside] == list(zip(outside, [97, 92, 88, 93], strict=True))


def test_with_an_empty_side_the_last_trade_stands_for_the_mid() -> None:
    rule = Marking(book_weight=1.0, outside_lag=0.0)
    marks = Marks(one(), [rule], STEP)
    assert fed(marks, 0, 105, 100, 50.0)[0] == 100.0  # no mid yet: the opening price
    assert fed(marks, 91, 95, 93, 50.0)[0] == 93.0
    assert fed(marks, 0, 70, 71, 50.0)[0] == 71.0
    assert fed(marks, 60, 0, 72, 50.0)[0] == 72.0
    assert fed(marks, 60, 64, 71, 50.0)[0] == 62.0


def test_the_mark_never_falls_below_one_tick() -> None:
    marks = Marks(one(), [Marking(book_weight=0.0, outside_lag=0.0)], STEP)
    assert fed(marks, 0, 0, 100, 0.2)[1] == 1


def test_two_venues_share_the_mean_of_their_mids_in_ticks_of_each() -> None:
    # mids 100 x 1.0 = 100 and 220 x 0.5 = 110: mean 105, that is 105 and 210 ticks; the third asset is alone
    table = listed(asset=[0, 0, 1], venue=[0, 1, 1], tick_size=[1.0, 0.5, 0.25], opening=[100, 200, 40])
    rule = Marking(book_weight=1.0)
    marks = Marks(table, [rule, rule], STEP)
    marks.advance(ticks(99, 219, 39), ticks(101, 221, 43), ticks(100, 220, 41), np.array([1.0, 1.0, 1.0]))
    assert marks.index.tolist() == [105.0, 210.0, 41.0]


def test_each_venue_marks_by_its_own_rule() -> None:
    table = listed(asset=[0, 0], venue=[0, 1], tick_size=[1.0, 1.0], opening=[100, 100])
    marks = Marks(table, [Marking(book_weight=0.0, outside_lag=0.0), Marking(book_weight=0.5, outside_lag=5.0)], STEP)
    marks.advance(ticks(89, 79), ticks(91, 81), ticks(90, 80), np.array([70.0, 70.0]))
    assert marks.index.tolist() == [70.0, 92.5]  # 0.5 x (90 + 80) / 2 + 0.5 x 100, the outside value one step old


def test_from_three_venues_on_a_mid_counts_no_further_than_five_percent_from_the_median() -> None:
    table = listed(asset=[0, 0, 0], venue=[0, 1, 2], tick_size=[1.0] * 3, opening=[1000] * 3)
    marks = Marks(table, [Marking(book_weight=1.0)] * 3, STEP)
    marks.advance(ticks(999, 1019, 499), ticks(1001, 1021, 501), ticks(1000, 1020, 500), np.array([1.0, 1.0, 1.0]))
    assert marks.index.tolist() == [990.0] * 3  # median 1000, 500 counts as 950: (1000 + 1020 + 950) / 3


@pytest.mark.parametrize("wrong", [{"book_weight": 1.01}, {"book_weight": -0.1}, {"basis_half_life": 0.0}, {"outside_lag": -1.0}])
def test_a_marking_outside_its_bounds_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Marking(**wrong)


def test_a_closed_book_adds_nothing_new_while_the_outside_value_goes_on() -> None:
    marks = Marks(one(), [Marking(book_weight=0.75, outside_lag=0.0, basis_half_life=STEP)], STEP)
    index, _ = fed(marks, 90, 94, 92, 100.0)
    assert index == 94.0  # 0.75 x 92 + 0.25 x 100; basis (92 - 94) / 2 = -1
    marks.hold(np.array([True]), np.array([False]))
    assert fed(marks, 0, 0, 60, 80.0) == (89.0, 88)  # 0.75 x 92 + 0.25 x 80; median of 89, 88 and the last trade at 60
    marks.hold(np.array([False]), np.array([False]))
    index, mark = fed(marks, 58, 62, 60, 80.0)
    assert index == 65.0  # 0.75 x 60 + 0.25 x 80
    assert mark == 62  # basis (-1 + 60 - 65) / 2 = -3: median of 65, 62 and 60


def test_frozen_index_and_mark_stand_still() -> None:
    marks = Marks(one(), [Marking(book_weight=0.0, outside_lag=0.0)], STEP)
    fed(marks, 90, 94, 92, 90.0)
    marks.hold(np.array([True]), np.array([True]))
    assert fed(marks, 50, 54, 52, 50.0) == (90.0, 90)
    marks.hold(np.array([False]), np.array([False]))
    assert fed(marks, 50, 54, 52, 50.0) == (50.0, 50)
def test_a_token_counts_at_its_book_its_index_or_its_redemption_value() -> None:
    three = listed(asset=[0, 1, 2], venue=[0, 0, 0], tick_size=[1.0] * 3, opening=[100] * 3)
    marks = Marks(
        three, [Marking(book_weight=0.9, outside_lag=0.0, basis_half_life=STEP)], STEP, sources=("book", "index", "redemption")
    )
    marks.advance(ticks(79, 79, 79), ticks(81, 81, 81), ticks(80, 80, 80), np.array([100.0] * 3))
    # index 0.9 x 80 + 0.1 x 100 = 82; basis half of 80 - 82 = -1; median of 82, 81 and 80 is 81
    assert marks.mark.tolist() == [81, 82, 100]
    assert marks.trading.tolist() == [81, 81, 81]  # where orders of liquidators meet the book


def test_a_redemption_value_beyond_the_ladder_counts_at_its_end() -> None:
    marks = Marks(one(), [Marking(outside_lag=0.0)], STEP, sources=("redemption",))
    marks.advance(ticks(99), ticks(101), ticks(100), np.array([1e6]))
    assert marks.mark.tolist() == [39_999]
