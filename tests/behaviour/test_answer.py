"""The answer to a margin call: how much is cut, whose money goes where, who answers at all."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from abm.behaviour.answer import Answer, matched, served, steps_of
from abm.model import CascadeModel
from tests.small_worlds import market


def test_a_cut_is_pro_rata_and_spread_over_the_steps_left() -> None:
    # 25 of 100 are missing: a quarter of 10 and of -20 is 2.5 and 5; in two steps 3 in 2 and 5 in 3
    position, missing, required = np.array([[10, -20]] * 2), np.array([25, 25]), np.array([100, 100])
    assert Answer().cut(position, missing, required, np.array([1, 2])).tolist() == [[3, -5], [2, -3]]


def test_nothing_is_cut_when_nothing_is_missing_and_never_more_than_there_is() -> None:
    position = np.array([[10, -20], [10, -20], [0, 0]])
    lots = Answer().cut(position, np.array([0, 500, 5]), np.array([100, 100, 0]), np.ones(3, dtype=np.int64))
    assert lots.tolist() == [[0, 0], [10, -20], [0, 0]]


def test_a_duration_is_covered_by_whole_steps() -> None:
    assert [steps_of(seconds, 5.0) for seconds in (0.0, 5.0, 6.0, 60.0)] == [0, 1, 2, 12]


def test_the_first_account_is_served_first() -> None:
    # Alice has 10 for 7 and 5, Bob 4 for 6
    assert served(np.array([7, 5, 6]), np.array([10, 4]), np.array([0, 0, 1])).tolist() == [7, 3, 4]


def test_payments_are_laid_end_to_end() -> None:
    # 5, 0 and 7 become 3 and 9: 3 of the first, 2 of the first, 7 of the last
    giver, taker, amount = matched(np.array([5, 0, 7]), np.array([3, 9]))
    assert [giver.tolist(), taker.tolist(), amount.tolist()] == [[0, 0, 2], [0, 1, 1], [3, 2, 7]]


SIDE = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), min_size=1, max_size=12)


@given(SIDE, SIDE)
def test_owners_pay_for_themselves_alone_as_far_as_they_can(spare: Any, wish: Any) -> None:
    (holder, free), (owner, wished) = (np.array(sorted(side)).T for side in (spare, wish))
    purse, demand = np.bincount(holder, free, 4).astype(np.int64), np.bincount(owner, wished, 4).astype(np.int64)
    taken = served(wished, purse, owner)
    given_ = served(free, np.bincount(owner, taken, 4).astype(np.int64), holder)
    giver, taker, amount = matched(given_, taken)
    assert (amount > 0).all() and (holder[giver] == owner[taker]).all()
    assert (np.bincount(giver, amount, len(free)) <= free).all()
    assert np.array_equal(np.bincount(taker, amount, len(wished)), taken)
    assert np.array_equal(np.bincount(owner, taken, 4), np.minimum(purse, demand))
    # the plain twin: one wish after the other
    left = purse.copy()
    for place, who in enumerate(owner):
        assert taken[place] == min(wished[place], left[who])
        left[who] -= taken[place]


def ready(model: CascadeModel) -> dict[str, np.ndarray]:
    """Reserves, who tops up and who cuts, (3, count) by group."""
    treasury, traders = model.treasury, model.exchange.traders
    drawn = np.stack([treasury.reserve, treasury._tops_up, treasury._cuts])
    return {name: drawn[:, traders.rows(name)] for name in traders.groups}


def test_who_answers_is_drawn_once_per_trader_and_no_maker_does() -> None:
    answer = {"population.answer": {"reserve_share": 0.5, "top_up_share": 0.5, "self_deleverage": 0.3}}
    small, large = ready(market(answer)), ready(market(answer, crowd=400))
    assert not small["makers"].any()
    assert np.array_equal(small["hedgers"][1:], large["hedgers"][1:])  # another group's size moves nothing
    assert np.array_equal(small["crowd"][1:], large["crowd"][1:, :12])  # nor more of the same; their money differs
    _, tops_up, cuts = large["crowd"]
    assert abs(tops_up.mean() - 0.5) < 0.08 and abs(cuts.mean() - 0.3) < 0.08  # three standard errors of 400 draws
    assert abs((tops_up & cuts).mean() - 0.15) < 0.06
    assert (large["crowd"][0] > 0).tolist() == tops_up.astype(bool).tolist()
