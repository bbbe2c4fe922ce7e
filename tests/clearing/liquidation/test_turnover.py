"""Traded volume of the last seconds, and the room it leaves to forced orders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm.clearing.liquidation import Whole
from abm.clearing.liquidation.slicing import Participation
from abm.clearing.liquidation.throttle import ShareOfVolume
from abm.clearing.liquidation.turnover import Turnover
from abm.market.order import FILL, Reason


def traded(instrument: int, lots: int, reason: Reason = Reason.VOLUNTARY) -> Any:
    fill = np.zeros(1, dtype=FILL)
    fill["instrument"], fill["lots"], fill["taker_reason"] = instrument, lots, reason
    return fill


def test_volume_is_forgotten_after_the_window() -> None:
    turnover = Turnover(2, steps=3, step_seconds=5.0)
    room = []
    turnover.note(traded(0, 100))
    for _ in range(4):
        room.append(turnover.room(0.5, 15.0).tolist())
        turnover.advance()
    # half of 100 in the steps 0, 1 and 2; from then on the one lot that is always allowed
    assert room == [[50, 1], [50, 1], [50, 1], [1, 1]]


def test_a_shorter_window_sees_less() -> None:
    turnover = Turnover(1, steps=3, step_seconds=5.0)
    for lots in (100, 40, 20):
        turnover.advance()
        turnover.note(traded(0, lots))
    # half of 20, 60, 160, and never more than is remembered
    assert [int(turnover.room(0.5, window)[0]) for window in (5.0, 10.0, 15.0, 60.0)] == [10, 30, 80, 80]


def test_what_forced_orders_took_is_gone() -> None:
    turnover = Turnover(1, steps=2, step_seconds=5.0)
    turnover.note(traded(0, 90))
    turnover.note(traded(0, 10, Reason.FORCED))
    turnover.advance()
    assert turnover.room(0.5, 10.0).tolist() == [40]  # half of 100 less 10
    turnover.note(traded(0, 60, Reason.FORCED))
    assert turnover.room(0.5, 10.0).tolist() == [10]  # half of 160 less 70
    turnover.note(traded(0, 40, Reason.FORCED))
    assert turnover.room(0.5, 10.0).tolist() == [0]  # half of 200 less 110


def test_houses_share_the_room_by_what_their_seized_accounts_hold() -> None:
    turnover = Turnover(2, n_houses=3, steps=1, step_seconds=5.0)
    turnover.note(traded(0, 20))
    turnover.note(traded(1, 20))
    turnover.claim(0, np.array([30, 0]))
    turnover.claim(2, np.array([10, 5]))
    # 10 lots of the first as 30 to 0 to 10, 7.5 and 2.5, the tie to the first; of the second all to the third house
    assert [turnover.room(0.5, 5.0, house=house).tolist() for house in range(3)] == [[8, 0], [0, 0], [2, 10]]


@pytest.mark.parametrize(("window", "step", "steps"), [(60.0, 5.0, 12), (12.0, 5.0, 2), (2.1, 0.3, 7)])
def test_its_memory_is_the_longest_window_in_whole_steps(window: float, step: float, steps: int) -> None:
    policies = [Whole(), Whole(slicing=Participation(window=window)), Whole(throttle=ShareOfVolume(window=step))]
    turnover = Turnover.over(policies, 1, step)
    for _ in range(steps - 1):
        turnover.note(traded(0, 10))
        turnover.advance()
    turnover.note(traded(0, 10))
    assert turnover.room(1.0, window).tolist() == [10 * steps]
    turnover.advance()
    assert turnover.room(1.0, window).tolist() == [max(10 * (steps - 1), 1)]


def test_idle_where_nobody_asks() -> None:
    turnover = Turnover.over([Whole()], 2, 5.0)
    turnover.note(traded(0, 100))
    assert turnover.idle and turnover.room(1.0, 60.0).tolist() == [1, 1]


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 60)), min_size=1, max_size=30),
    st.sampled_from([0.1, 0.25, 1.0]),
    st.sampled_from([1, 3, 6]),
)
def test_a_forced_fill_never_takes_more_than_its_share_of_the_window(days: Any, share: float, steps: int) -> None:
    turnover, volume, forced = Turnover(1, steps=steps, step_seconds=5.0), [], []
    for others, wanted in days:
        turnover.note(traded(0, others))
        sent = min(wanted, int(turnover.room(share, 5.0 * steps)[0]))
        turnover.note(traded(0, sent, Reason.FORCED))
        turnover.advance()
        volume.append(others + sent)
        forced.append(sent)
        assert not sent or sum(forced[-steps:]) <= max(1, share * sum(volume[-steps:]))
