"""Options dealers by hand: 10 lots for every 1 % on 1,000 lots of open interest, one strike at the opening price."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abm.behaviour.dealing import Dealing, Options
from tests.behaviour.desk import PRICE, instruments, said, traders, view

DAILY = np.array([0.04])
WEEK = 7 * 86_400.0


def rule(**changes: Any) -> Dealing:
    return Dealing(**{"count": 1, "gamma_share": 0.01, "strikes_each_side": 0, **changes})


def book(one: Dealing) -> Options:
    return one.options(np.array([PRICE]), np.array([1_000.0]), DAILY)


def target(one: Dealing, mark: int, seconds: float = 0.0) -> int:
    return int(one.target(book(one), np.array([mark]), seconds, DAILY)[0])


def hedging(one: Dealing, mark: int, position: int = 0) -> list[tuple[Any, ...]]:
    """What Alice sends within a step of 30 s, half of a gap, while the book stands at 9,999 to 10,001."""
    seen = view(traders(1, 1), instruments(1), mark=[mark], position=[[position]], step_seconds=30.0)
    return said(one.decide(seen, np.array([0]), book(one), DAILY))


def test_written_options_are_hedged_by_buying_what_rises_and_held_ones_by_selling_it() -> None:
    assert target(rule(), PRICE) == 0  # the opening's delta is hedged elsewhere
    assert target(rule(), 10_100) == 10 and target(rule(), 9_900) == -10  # 1 % of 1,000 lots per 1 %
    assert target(rule(side="held"), 10_100) == -10
    assert target(rule(count=2), 10_100) == 5  # two share the options


def test_gamma_ends_far_from_the_strike_and_at_expiry() -> None:
    # sigma sqrt(T) = 0.04 sqrt(7) = 0.1058; d1 = 0.0529 at the strike; density 0.3984 / 0.1058 = 3.765 of the options per 1.
    # 1,000 lots x 1 % per 1 % are 1,000 lots per 100 %, so the options are on 1,000 / 3.765 = 265.6 lots; at +50 %
    # d1 = ln 1.5 / 0.1058 + 0.0529 = 3.884, N = 0.99995: 265.6 x (0.99995 - 0.5211) = 127
    assert target(rule(), 15_000) == 127
    assert target(rule(), 20_000) == 127  # 265.6 x (1 - 0.5211) = 127.2: nothing is left to hedge
    assert target(rule(), 10_100, WEEK) == 0
    assert target(rule(), 10_100, WEEK - 60.0) == 127  # a minute before, a call in the money counts in full


def test_strikes_share_the_same_gamma() -> None:
    assert target(rule(strikes_each_side=3), 10_100) == 10
    assert target(rule(strikes_each_side=3), 15_000) > target(rule(), 15_000)  # gamma lies farther out


def test_half_of_the_gap_is_traded_in_a_half_life_and_small_gaps_are_left() -> None:
    assert hedging(rule(), 10_100) == [(0, "IOC", "BUY", 5, 0, 10_200)]
    assert hedging(rule(), 9_900, position=-20) == [(0, "IOC", "BUY", 5, 0, 10_200)]
    assert hedging(rule(), 9_900) == [(0, "IOC", "SELL", 5, 0, 9_800)]
    assert hedging(rule(band=0.5), 10_100, position=5) == []  # the gap of 5 is not wider than half of 10
    assert hedging(rule(band=0.4), 10_100, position=5) == [(0, "IOC", "BUY", 3, 0, 10_200)]  # half of 5, rounded up
    assert hedging(rule(gamma_share=0.0), 10_100) == []


@pytest.mark.parametrize("side", ["written", "held"])
def test_no_interest_no_options(side: str) -> None:
    one = rule(side=side)
    none = one.options(np.array([PRICE]), np.array([0.0]), DAILY)
    assert one.target(none, np.array([12_000]), 0.0, DAILY).tolist() == [0]
