"""Leveraged carry, by hand."""

from __future__ import annotations

import numpy as np

from abm.behaviour.carry import Carry
from abm.market.order import Reason
from tests.behaviour.desk import rigged, said, traders, view

ONE = np.array([0])
# Carol: long 60 BTC and 40 ETH (1,000,000 at 10,000) on 100,000: leverage 10
CAROL = traders(1, opening=[[60, 40]], collateral=[100_000], leverage=[10.0])
HELD = [[60, 40]]


def act(rule: Carry, **seen: object) -> list[tuple[object, ...]]:
    return said(rule.decide(view(CAROL, **seen), ONE, rigged(CAROL, act=0.0, deleverage=0.0, reentry=0.0)))


def test_fixed_holds_whatever_happens() -> None:
    assert act(Carry(sizing="fixed"), position=HELD, equity=[1]) == []
    assert act(Carry(sizing="fixed"), position=[[0, 40]], equity=[100_000]) == []


def test_equity_sizing_cuts_all_legs_when_total_equity_falls() -> None:
    # equity 60,000 x 10 = 600,000 of 1,000,000: 36 and 24
    rule = Carry(sizing="equity", band=0.2)
    assert act(rule, position=HELD, equity=[60_000]) == [(0, "IOC", "SELL", 24, 0, 9_800), (0, "IOC", "SELL", 16, 1, 9_800)]
    batch = rule.decide(view(CAROL, position=HELD, equity=[60_000]), ONE, rigged(CAROL, act=0.0))
    assert (batch["reason"] == Reason.SELF_DELEVERAGING).all() and batch["reduce_only"].all()


def test_equity_sizing_leaves_small_gaps_and_adds_up_to_its_roof() -> None:
    assert act(Carry(sizing="equity", band=0.2), position=HELD, equity=[81_000]) == []
    # 150,000 x 10: 90 and 60; with a roof of 1.2 x opening: 72 and 48
    rule = Carry(sizing="equity", band=0.2, growth_max=1.2)
    assert act(rule, position=HELD, equity=[150_000]) == [(0, "IOC", "BUY", 12, 0, 10_200), (0, "IOC", "BUY", 8, 1, 10_200)]


def test_a_closed_leg_stays_closed_without_reentry() -> None:
    # 40 ETH on 100,000 may grow to its roof of 80; BTC, closed, is not bought back
    assert act(Carry(sizing="equity"), position=[[0, 40]], equity=[100_000]) == [(0, "IOC", "BUY", 40, 1, 10_200)]


def test_fear_cuts_to_opening_leverage_below_half_of_the_opening_ratio() -> None:
    # opening ratio 10 %; afraid below 5 %: 55,000 of 1,000,000 holds; 40,000 cuts to 400,000 = 24 and 16
    rule = Carry(sizing="fixed", deleverage_per_hour=1.0, deleverage_below=0.5)
    assert act(rule, position=HELD, equity=[55_000]) == []
    assert act(rule, position=HELD, equity=[40_000]) == [(0, "IOC", "SELL", 36, 0, 9_800), (0, "IOC", "SELL", 24, 1, 9_800)]
    assert act(rule, position=HELD, equity=[-5_000]) == [(0, "IOC", "SELL", 60, 0, 9_800), (0, "IOC", "SELL", 40, 1, 9_800)]


def test_reentry_buys_back_what_equity_still_carries() -> None:
    # 50,000 x 10 carries half the opening book: 30 and 20; BTC 30 is bought, ETH has more than 20 and stays
    rule = Carry(reentry_per_hour=1.0)
    assert act(rule, position=[[0, 25]], equity=[50_000]) == [(0, "IOC", "BUY", 30, 0, 10_200)]
    assert act(rule, position=[[0, 25]], equity=[0]) == []


def test_shorts_mirror_longs() -> None:
    short = traders(1, opening=[[-60, 40]], collateral=[100_000], leverage=[10.0])
    seen = view(short, position=[[-60, 40]], equity=[50_000])
    assert said(Carry(sizing="equity").decide(seen, ONE, rigged(short, act=0.0))) == [
        (0, "IOC", "BUY", 30, 0, 10_200), (0, "IOC", "SELL", 20, 1, 9_800),
    ]  # fmt: skip


def test_frozen_legs_are_left_alone() -> None:
    seen = {"position": HELD, "equity": [50_000], "frozen": [[True, False]]}
    assert act(Carry(sizing="equity"), **seen) == [(0, "IOC", "SELL", 20, 1, 9_800)]
