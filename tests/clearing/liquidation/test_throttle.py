"""Throttle: forced orders queue for what they may take."""

from __future__ import annotations

import numpy as np

from abm.clearing.liquidation.throttle import NoThrottle, ShareOfVolume
from abm.clearing.liquidation.turnover import Turnover
from tests.clearing.liquidation.test_turnover import traded


def test_no_throttle_lets_everything_through() -> None:
    assert NoThrottle().admit(np.array([[10, -4]]), Turnover(2).room).tolist() == [[10, -4]]


def test_the_first_are_served_in_full_and_the_rest_waits() -> None:
    turnover = Turnover(2, steps=1, step_seconds=5.0)
    turnover.note(traded(0, 20))
    turnover.note(traded(1, 8))
    rule = ShareOfVolume(share=0.5, window=5.0)
    # 10 and 4 lots may go: 7 + 3 of the first, 4 of the second; shorts are bought from the same room
    lots = np.array([[7, -4], [-6, 0], [5, 2]])
    assert rule.admit(lots, turnover.room).tolist() == [[7, -4], [-3, 0], [0, 0]]
