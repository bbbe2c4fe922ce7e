"""The house at work: whom it seizes, when it sells, whom it releases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.clearing.journal import EventKind
from abm.clearing.ledger import State
from abm.clearing.margin.tiered import Bracket, Tiered
from tests.clearing.house_desk import ALICE, BOB, BTC, CAROL, Desk

JUST_ENOUGH = {"kind": "just_enough", "target": 1.0, "interval": 5.0}
NO_FEE = {"fee_rate": 0.0}


def test_seized_below_maintenance_and_not_before() -> None:
    # 10 lots at 90 need 45; Alice has 145 - 100 = 45, Bob one unit less
    desk = Desk([145, 144], [[10, 0], [10, 0]])
    assert desk.seize(btc=90) == [BOB]
    [entry] = desk.told(EventKind.ENTERED)
    assert (entry.account, entry.amount) == (BOB, 1)


def test_the_pool_is_seized_as_a_whole_and_a_healthy_pool_never() -> None:
    # cross: BTC lost 300 and ETH won 300 on the short; 200 against 5 % of 700 + 700
    hedged = Desk([200], [[10, -10]])
    assert hedged.seize(btc=70, eth=70) == []
    # isolated, the same legs in two accounts of 100: the BTC account is bankrupt, the ETH account rich
    apart = Desk([100, 100], [[10, 0], [0, -10]], owner=[ALICE, ALICE])
    assert apart.seize(btc=70, eth=70) == [0]


def test_gains_that_do_not_count_do_not_save() -> None:
    # 100 left of 200 + 100 gained on ETH - 200 lost on BTC; asked for 5 % of 800 + 1,100 = 95
    assert Desk([200], [[10, 10]]).seize(btc=80, eth=110) == []
    # with half the gains 50 are left
    assert Desk([200], [[10, 10]], gains_share=0.5).seize(btc=80, eth=110) == [ALICE]


def test_brackets_ask_more_of_large_positions() -> None:
    ladder = (
        Bracket(floor=0.0, initial_rate=0.1, maintenance_rate=0.05),
        Bracket(floor=500.0, initial_rate=0.2, maintenance_rate=0.1),
    )
    # 10 lots at 100: 5 % of 500 and 10 % of 500 = 75
    rule = Tiered(brackets={"BTC": ladder})
    assert Desk([74, 75], [[10, 0], [10, 0]], margin=rule).seize(btc=100) == [ALICE]


def test_without_liquidation_nobody_is_seized() -> None:
    desk = Desk([0], [[10, 0]], liquidation={"kind": "none"})
    assert desk.seize(btc=50) == []
    desk.resolve(btc=50)
    assert (desk.equity(ALICE, 50), desk.told(EventKind.CLOSED)) == (-500, [])


def test_nobody_sells_for_the_healthy_the_cured_or_the_bankrupt() -> None:
    desk = Desk([1_000, 240, 150], [[10, 0]] * 3, liquidation=JUST_ENOUGH, **NO_FEE)
    assert desk.seize(btc=79) == [BOB, CAROL]  # Bob 30 of 39.5, Carol -60
    assert desk.slices(btc=79).accounts.tolist() == [BOB]
    desk = Desk([1_000, 240, 150], [[10, 0]] * 3, liquidation=JUST_ENOUGH, **NO_FEE)
    desk.seize(btc=79)
    # before phase 8 Bob sold 8 of his lots at the mark: 2 lots need 8 of his 30
    desk.trade(buyer=desk.outside, seller=BOB, lots=8, at=79)
    assert desk.slices(btc=79).accounts.tolist() == []
    assert desk.ledger.state[BOB] == State.HEALTHY
    assert [entry.account for entry in desk.told(EventKind.RECOVERED)] == [BOB]


def test_the_slice_is_what_the_policy_says() -> None:
    # Bob: 240 - 210 = 30 against 39.5, rounded to 40 (half to even); a lot frees 4: 2.5, so 3
    desk = Desk([240], [[10, 0]], liquidation=JUST_ENOUGH, **NO_FEE)
    desk.seize(btc=79)
    assert desk.slices(btc=79).lots.tolist() == [[3, 0]]


def test_one_slice_per_interval() -> None:
    desk = Desk([240], [[10, 0]], liquidation=JUST_ENOUGH | {"interval": 15.0}, **NO_FEE)
    desk.seize(btc=79)
    # steps of 5 s: a slice in steps 0, 3 and 6
    assert [len(desk.slices(btc=79).accounts) for _ in range(7)] == [1, 0, 0, 1, 0, 0, 1]


@pytest.mark.parametrize(
    ("interval", "step", "steps"),
    [(5.0, 5.0, 1), (6.0, 5.0, 2), (7.5, 5.0, 2), (60.0, 5.0, 12), (2.1, 0.3, 7)],  # 2.1 / 0.3 is a little above 7
)
def test_intervals_are_whole_steps_rounded_up(interval: float, step: float, steps: int) -> None:
    desk = Desk([0], [[0, 0]], liquidation={"kind": "whole", "interval": interval}, step_seconds=step)
    assert desk.house.selling.interval == steps


def test_a_fraction_first_then_the_cool_down_then_the_whole() -> None:
    fraction = {"kind": "fraction", "fraction": 0.2, "whole_below": 0.0, "cooldown": 15.0, "interval": 5.0}
    desk = Desk([240], [[10, 0]], liquidation=fraction, **NO_FEE)
    desk.seize(btc=79)
    assert [desk.slices(btc=79).lots.sum() for _ in range(5)] == [2, 0, 0, 10, 10]


def test_the_cool_down_starts_anew_with_the_next_seizure() -> None:
    fraction = {"kind": "fraction", "fraction": 0.2, "whole_below": 0.0, "cooldown": 100.0, "interval": 5.0}
    desk = Desk([240], [[10, 0]], liquidation=fraction, **NO_FEE)
    desk.seize(btc=79)
    assert desk.slices(btc=79).lots.sum() == 2
    desk.resolve(btc=90)  # cured by the price
    assert desk.ledger.state[ALICE] == State.HEALTHY
    desk.seize(btc=79)
    assert desk.slices(btc=79).lots.sum() == 2  # 20 % again, no waiting


def test_the_one_that_lacks_most_goes_first_where_the_rule_says_so() -> None:
    whole = {"kind": "whole", "order": "worst_first"}
    desk = Desk([230, 215, 220], [[10, 0]] * 3, liquidation=whole)
    desk.seize(btc=79)
    slices = desk.slices(btc=79)
    # 20, 5 and 10 of 40
    assert slices.accounts[np.argsort(slices.key)].tolist() == [BOB, CAROL, ALICE]


def test_a_random_order_has_no_favourite() -> None:
    first = set()
    desk = Desk([220, 220, 220], [[10, 0]] * 3, liquidation={"kind": "whole", "order": "random", "interval": 5.0})
    desk.seize(btc=79)
    for _ in range(20):
        slices = desk.slices(btc=79)
        first.add(int(slices.accounts[np.argmin(slices.key)]))
    assert first == {ALICE, BOB, CAROL}


def test_a_leg_is_healthy_if_it_would_hold_alone() -> None:
    # a pool of 240, split at the opening into 100 for BTC and 140 for ETH; BTC to 78: 220 lost
    split = np.zeros((6, 2), dtype=np.int64)
    split[ALICE] = [100, 140]
    desk = Desk([240], [[10, 10]], opening_split=split[:5], liquidation={"kind": "whole"})
    assert desk.seize(btc=78) == [ALICE]
    # BTC alone: 100 - 220 = -120 < 39; ETH alone: 140 > 50
    assert desk.slices(btc=78).healthy.tolist() == [[False, True]]


def test_the_cured_are_released_after_the_sale() -> None:
    desk = Desk([240], [[10, 0]], liquidation=JUST_ENOUGH, **NO_FEE)
    desk.seize(btc=79)
    sold = int(desk.slices(btc=79).lots[0, BTC])
    desk.trade(buyer=desk.outside, seller=ALICE, lots=sold, at=79)
    desk.resolve(btc=79)
    assert desk.ledger.state[ALICE] == State.HEALTHY
    # sold a tick lower she has 3 units less, 27 against 28, and stays
    desk = Desk([240], [[10, 0]], liquidation=JUST_ENOUGH, **NO_FEE)
    desk.seize(btc=79)
    desk.trade(buyer=desk.outside, seller=ALICE, lots=3, at=78)
    desk.resolve(btc=79)
    assert desk.ledger.state[ALICE] == State.LIQUIDATING


def test_a_closed_account_is_never_seized_again() -> None:
    desk = Desk([150], [[10, 0]])
    desk.settle(btc=80)
    assert desk.ledger.state[ALICE] == State.CLOSED
    assert desk.seize(btc=10) == []
    assert desk.told(EventKind.ENTERED) == []


def test_defaulters_are_served_worst_first_where_the_rule_says_so() -> None:
    # one counterparty with 10 lots: whoever comes first is deleveraged against it
    desk = Desk(
        [190, 150, 500], [[10, 0], [10, 0], [-10, 0]], liquidation={"kind": "whole", "order": "worst_first"}
    )
    desk.settle(btc=80)
    assert [entry.account for entry in desk.told(EventKind.ADL)] == [BOB]  # -50 against -10


@given(
    st.lists(st.tuples(st.integers(0, 2_000), st.integers(-30, 30), st.integers(-30, 30)), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(60, 140), st.integers(60, 140)), min_size=1, max_size=6),
    st.sampled_from(["whole", "just_enough", "fraction"]),
)
@settings(deadline=None, max_examples=100)
def test_whoever_is_worked_on_is_below_maintenance_and_solvent(
    accounts: list[tuple[int, int, int]], prices: list[tuple[int, int]], kind: str
) -> None:
    desk = Desk([money for money, _, _ in accounts], [[b, e] for _, b, e in accounts], liquidation={"kind": kind})
    for btc, eth in prices:
        desk.seize(btc, eth)
        worth = desk.worth(btc, eth)
        slices = desk.slices(btc, eth)
        rows = slices.accounts
        assert (worth.collateral[rows] < worth.maintenance[rows]).all()
        assert (worth.equity[rows] >= 0).all()
        held = desk.ledger.position[rows]
        assert (slices.lots * held >= 0).all() and (np.abs(slices.lots) <= np.abs(held)).all()  # reduces, never flips
        desk.resolve(btc, eth)
        after = desk.worth(btc, eth)
        healthy = desk.ledger.state == State.HEALTHY
        of_the_house = np.isin(np.arange(len(healthy)), desk.house.accounts)
        never_seized = healthy & of_the_house
        assert (after.equity[of_the_house] >= 0).all()
        # whoever is left healthy was never short of margin, or is no longer; or paid for others just now and is seized next
        payers = {entry.counterparty for entry in desk.house.journal.entries}
        short = np.flatnonzero(never_seized & (after.collateral < after.maintenance))
        assert set(short.tolist()) <= payers
