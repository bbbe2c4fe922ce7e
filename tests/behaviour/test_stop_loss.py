"""Where stops lie, and when they go off."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from abm.behaviour.stop_loss import NEVER, StopLoss, levels, passed

TICK = np.array([1_000, 1_000])
PRICE = np.array([1_000, 1_000])  # cash units per lot


def test_a_stop_lies_on_the_way_to_the_liquidation_price() -> None:
    # 10 lots worth 10,000 on 2,000 that must hold 500 = 5 %. The long is liquidated after a fall x with 2,000 - 10,000 x =
    # 0.05 x 10,000 (1 - x), x = 1,500 / 9,500 = 15.79 %; the short after a rise with 2,000 - 10,000 x = 500 (1 + x), 14.29 %
    lots, stake, alone = np.array([[10, -10]]), np.array([[2_000, 2_000]]), np.array([[500, 500]])
    at = {d: levels(lots, stake, alone, price=PRICE, tick=TICK, distance=np.full((1, 2), d))[0].tolist() for d in (1.0, 0.5)}
    assert at == {1.0: [842, 1_143], 0.5: [921, 1_071]}


def test_there_is_no_stop_without_a_position_without_a_buffer_or_below_any_price() -> None:
    lots, stake, alone = np.array([[0, 10], [10, -10]]), np.array([[0, 400], [60_000, 500]]), np.array([[0, 500], [500, 500]])
    found = levels(lots, stake, alone, price=PRICE, tick=TICK, distance=np.ones((2, 2)))
    assert (found == NEVER).all()


def test_longs_stop_at_or_below_their_level_and_shorts_at_or_above() -> None:
    level, side = np.array([[900, 1_100], [900, NEVER], [899, 1_099]]), np.array([[1, -1], [-1, 1], [1, -1]])
    assert passed(level, side, np.array([900, 1_099])).tolist() == [[True, False], [True, False], [False, True]]


def test_distances_lie_between_the_nearest_and_the_farthest() -> None:
    rule = StopLoss(nearest=0.2, farthest=0.6)
    assert rule.distances(np.array([[0.0, 0.5, 1.0]]))[0].tolist() == pytest.approx([0.2, 0.4, 0.6])
    with pytest.raises(ValidationError, match="nearest must be at most farthest=0.3, was 0.5"):
        StopLoss(farthest=0.3)
