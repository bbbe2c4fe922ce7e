"""Margin calls of a house: whom it calls, for how much, and whom it liquidates when."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from abm.clearing.calls import Calls, NoCalls
from abm.clearing.journal import EventKind
from abm.clearing.ledger import State
from abm.kernels.margin import Revaluation
from tests.clearing.house_desk import ALICE, BOB, CAROL, Desk

# Alice has 100 and 10 lots of BTC from 100: at q she has 100 + 10 (q - 100) and must hold 5 % of 10 q, half to even
NOTICE = {"kind": "notice", "trigger": 1.25, "target": 1.5, "deadline": 10.0, "floor": 0.5}  # two steps of 5 s


def alice(**changes: Any) -> Desk:
    return Desk([100], [[10, 0]], calls=NOTICE | changes)


def state(desk: Desk, account: int = ALICE) -> State:
    return State(int(desk.ledger.state[account]))


def test_called_below_the_trigger_for_what_the_target_lacks() -> None:
    desk = alice()
    desk.seize(btc=96)  # 60 = 1.25 x 48
    assert state(desk) == State.HEALTHY
    desk.seize(btc=95)  # 50 < 1.25 x 48 (47.5 rounds to 48); asked for 1.5 x 48 - 50
    assert state(desk) == State.CALLED
    assert [(entry.account, entry.amount) for entry in desk.told(EventKind.CALLED)] == [(ALICE, 22)]
    desk.seize(btc=95)  # no second notice
    assert desk.told(EventKind.CALLED) == []
    assert desk.house.called().tolist() == [ALICE]


def test_a_breach_waits_for_the_deadline() -> None:
    desk = alice()
    assert desk.seize(btc=94) == []  # 40 of 47: called
    assert desk.seize(btc=94) == []  # 5 s later
    assert desk.seize(btc=94) == [ALICE]  # 10 s later
    assert [(entry.account, entry.amount) for entry in desk.told(EventKind.ENTERED)] == [(ALICE, 7)]


def test_above_maintenance_the_deadline_passes_without_harm_but_there_is_no_time_left() -> None:
    desk = alice()
    for _ in range(4):
        assert desk.seize(btc=95) == []  # 50 of 48
    assert state(desk) == State.CALLED
    assert desk.seize(btc=94) == [ALICE]  # 40 of 47


def test_a_call_is_met_at_the_target_and_not_at_the_trigger() -> None:
    desk = alice()
    desk.seize(btc=95)
    desk.seize(btc=97)  # 70 of 48 (48.5 rounds to 48): above 60, below 72
    assert state(desk) == State.CALLED
    desk.seize(btc=98)  # 80 of 49: above 73.5
    assert state(desk) == State.HEALTHY
    assert [entry.account for entry in desk.told(EventKind.CALL_MET)] == [ALICE]
    # the next call has its whole time again
    assert [desk.seize(btc=94) for _ in range(3)] == [[], [], [ALICE]]


def test_money_or_smaller_positions_meet_it() -> None:
    desk = alice()
    desk.seize(btc=95)
    desk.ledger.deposit(ALICE, 22)
    desk.seize(btc=95)
    assert state(desk) == State.HEALTHY
    desk = alice()
    desk.seize(btc=95)
    desk.trade(buyer=desk.outside, seller=ALICE, lots=4, at=95)  # 6 lots ask 28 (28.5), the target is 42
    desk.seize(btc=95)
    assert state(desk) == State.HEALTHY


def test_a_part_of_the_money_does_not_stop_the_clock() -> None:
    desk = alice()
    desk.seize(btc=94)  # 40 of 47
    desk.ledger.deposit(ALICE, 6)  # 46 of 47
    assert [desk.seize(btc=94) for _ in range(2)] == [[], [ALICE]]
    assert desk.told(EventKind.ENTERED)[0].amount == 1


@pytest.mark.parametrize(("paid", "lots"), [(0, 2), (6, 1)])  # a lot frees 4.7 of the 7, or 1, that are missing
def test_only_the_rest_is_liquidated(paid: int, lots: int) -> None:
    desk = Desk([100], [[10, 0]], calls=NOTICE, liquidation={"kind": "just_enough", "target": 1.0}, fee_rate=0.0)
    desk.seize(btc=94)
    desk.ledger.deposit(ALICE, paid)
    assert [desk.seize(btc=94) for _ in range(2)] == [[], [ALICE]]
    assert desk.slices(btc=94).lots.tolist() == [[lots, 0]]


def test_below_the_floor_nobody_waits() -> None:
    desk = alice()
    assert desk.seize(btc=93) == []  # 30 of 46 (46.5): 0.65
    assert desk.seize(btc=92) == [ALICE]  # 20 of 46: 0.43, called or not
    assert alice().seize(btc=92) == [ALICE]
    assert alice(floor=0.0).seize(btc=90) == []  # 0 of 45
    assert alice(floor=0.0).seize(btc=89) == [ALICE]  # -10: bankrupt


def test_without_time_a_warning_is_all_there_is() -> None:
    desk = alice(deadline=0.0)
    assert desk.seize(btc=95) == [] and state(desk) == State.CALLED
    assert desk.seize(btc=94) == [ALICE]
    desk = alice(deadline=0.0)
    assert desk.seize(btc=94) == [ALICE]
    assert desk.told(EventKind.CALLED) == []  # seized, not called


def test_a_seized_account_that_recovers_may_be_called_again() -> None:
    desk = alice(floor=1.0)
    assert desk.seize(btc=94) == [ALICE]
    desk.resolve(btc=95)  # 50 of 48: released
    assert state(desk) == State.HEALTHY
    desk.seize(btc=95)
    assert state(desk) == State.CALLED


def test_each_account_has_its_own_clock() -> None:
    desk = Desk([100, 110, 1_000], [[10, 0]] * 3, calls=NOTICE)
    desk.seize(btc=94)  # Alice 40 and Bob 50 of 47: Bob 1.06
    assert [state(desk, row) for row in (ALICE, BOB, CAROL)] == [State.CALLED, State.CALLED, State.HEALTHY]
    desk = Desk([100, 110], [[10, 0]] * 2, calls=NOTICE | {"trigger": 1.0})
    desk.seize(btc=94)
    desk.seize(btc=93)  # Alice 30, Bob 40 of 46: called a step later
    assert [desk.seize(btc=93), desk.seize(btc=93)] == [[ALICE], [ALICE, BOB]]


def test_orders_are_cancelled_when_called_and_when_seized() -> None:
    desk = Desk([100, 1_000], [[10, 0]] * 2, calls=NOTICE)
    desk.seize(btc=94)
    assert desk.house.silenced().tolist() == [ALICE]
    desk.seize(btc=94)
    assert desk.house.silenced().tolist() == []  # its reducing orders may rest
    desk.seize(btc=94)
    assert desk.house.silenced().tolist() == [ALICE]


def test_without_liquidation_nobody_is_called() -> None:
    desk = Desk([100], [[10, 0]], calls=NOTICE, liquidation={"kind": "none"})
    desk.seize(btc=80)
    assert state(desk) == State.HEALTHY and desk.house.journal.entries == []


def test_a_called_winner_is_deleveraged_like_any_other() -> None:
    # Carol is ruined at 85; Alice, short 10 from 100 and losing on ETH, has a call: she is the other side
    desk = Desk([150, 100], [[-10, 10], [10, 0]], calls=NOTICE | {"trigger": 2.0, "target": 2.0})
    desk.seize(btc=85, eth=80)  # Alice 150 + 150 - 200 = 100 of 42 + 40: called; Bob -50
    assert (state(desk, ALICE), state(desk, BOB)) == (State.CALLED, State.LIQUIDATING)
    desk.resolve(btc=85, eth=80)
    assert {entry.counterparty for entry in desk.told(EventKind.ADL)} == {ALICE}
    assert desk.lots(ALICE) == [0, 10]


def test_the_target_is_not_below_the_trigger() -> None:
    with pytest.raises(ValidationError, match="target must be at least trigger=1.25"):
        Calls(trigger=1.25, target=1.2)


MONEY = st.integers(-200, 2_000)


ROWS = st.lists(st.tuples(MONEY, st.integers(0, 1_000), st.booleans()), min_size=1, max_size=20)


@given(ROWS, st.floats(0, 1), st.floats(1, 3))
def test_who_holds_maintenance_is_never_liquidated_and_the_bankrupt_always(rows: Any, floor: float, trigger: float) -> None:
    equity, maintenance, called = (np.array(column) for column in zip(*rows, strict=True))
    worth = Revaluation(equity, equity, maintenance)
    rule = Calls(trigger=trigger, target=3.0, floor=floor)
    everybody, nobody = np.ones_like(called), np.zeros_like(called)
    for late in (everybody, nobody):
        now = rule.judge(worth, called, late)
        assert not (now[(equity >= maintenance) & (equity >= 0)] == State.LIQUIDATING).any()
        assert (now[equity < 0] == State.LIQUIDATING).all()
    breached = NoCalls().judge(worth, called, nobody) == State.LIQUIDATING
    assert np.array_equal(rule.judge(worth, called, everybody) == State.LIQUIDATING, breached)  # no time left
    assert np.array_equal(Calls(floor=1.0).judge(worth, called, nobody) == State.LIQUIDATING, breached)  # no time given
    patient = Calls(trigger=trigger, target=3.0, floor=0.0).judge(worth, called, nobody)
    assert np.array_equal(patient == State.LIQUIDATING, equity < 0)


def test_a_deadline_that_passes_in_a_halt_passes_after_it() -> None:
    desk, btc, nothing = alice(), np.array([True, False]), np.array([False, False])
    assert desk.seize(btc=94) == []  # called, with two steps of time
    desk.house.suspend(btc, btc)
    assert [desk.seize(btc=94) for _ in range(5)] == [[]] * 5
    assert state(desk) == State.CALLED
    desk.house.suspend(nothing, nothing)
    assert [desk.seize(btc=94) for _ in range(2)] == [[], [ALICE]]


def test_a_call_asks_for_what_a_patient_house_looks_at() -> None:
    # at 95 Alice has 50 and must hold 48; the house acts below a half of it, 24, and asks for 2.5 times that
    desk = Desk([100], [[10, 0]], calls=NOTICE | {"trigger": 2.5, "target": 2.5}, liquidation={"kind": "whole", "trigger": 0.5})
    desk.seize(btc=95)
    [entry] = desk.told(EventKind.CALLED)
    assert entry.amount == 10  # 60 - 50
    assert desk.house.notices.missing(desk.house.asked(desk.worth(95)), np.array([ALICE])).tolist() == [10]


@pytest.mark.parametrize("called", [True, False])
def test_a_called_keeper_takes_nothing_over(called: bool) -> None:
    desk = Desk([220], [[10, 0]], capital=1_000)  # 220 - 210 = 10 left, below two thirds of 40
    desk.ledger.state[desk.keeper] = State.CALLED if called else State.HEALTHY
    desk.seize(btc=79)
    desk.resolve(btc=79, failed=[ALICE])
    assert len(desk.told(EventKind.KEEPER_TAKEOVER)) == (0 if called else 1)
