"""What a house leaves alone while books are closed, by hand calculation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abm.clearing.journal import EventKind
from abm.clearing.ledger import State
from tests.clearing.house_desk import ALICE, BOB, BTC, Desk

ONLY_BTC, NONE = np.array([True, False]), np.array([False, False])
JUST_ENOUGH = {"kind": "just_enough", "target": 1.0}


def test_nobody_is_seized_who_holds_an_instrument_that_is_not_checked() -> None:
    # both lose 210 of 240 and need 40: Alice in BTC, Bob in ETH
    desk = Desk([240, 240], [[10, 0], [0, 10]])
    desk.house.suspend(ONLY_BTC, NONE)
    assert desk.seize(btc=79, eth=79) == [BOB]
    assert desk.house.unattended == 1
    desk.house.suspend(NONE, NONE)
    assert desk.seize(btc=79, eth=79) == [ALICE, BOB]
    assert desk.house.unattended == 0


def test_a_leg_in_a_closed_book_suspends_the_check_of_the_whole_account() -> None:
    desk = Desk([240], [[1, 10]])
    desk.house.suspend(ONLY_BTC, NONE)
    assert desk.seize(btc=100, eth=79) == []


def test_only_open_legs_are_sold() -> None:
    desk = Desk([240], [[10, 10]], liquidation={"kind": "whole"})
    desk.house.suspend(NONE, ONLY_BTC)
    assert desk.seize(btc=79) == [ALICE]
    assert desk.slices(btc=79).lots.tolist() == [[0, 10]]


@pytest.mark.parametrize(("priority", "open_", "closed"), [("largest_loss", [10, 2], [0, 10]), ("pro_rata", [6, 6], [0, 10])])
def test_open_legs_are_worked_as_if_the_closed_could_not_be(priority: str, open_: list[int], closed: list[int]) -> None:
    # BTC to 79: 250 - 210 = 40 left of 40 + 50 needed. 10 lots of BTC free 40, then 2 of ETH 10; pro rata 50 / 90 of each,
    # rounded up. With BTC closed all of ETH frees the 50.
    desk = Desk([250], [[10, 10]], liquidation=JUST_ENOUGH | {"priority": priority}, fee_rate=0.0)
    desk.seize(btc=79)
    assert desk.slices(btc=79).lots.tolist() == [open_]
    desk = Desk([250], [[10, 10]], liquidation=JUST_ENOUGH | {"priority": priority}, fee_rate=0.0)
    desk.house.suspend(NONE, ONLY_BTC)
    desk.seize(btc=79)
    assert desk.slices(btc=79).lots.tolist() == [closed]


def test_the_time_since_the_first_slice_begins_with_a_slice_that_was_sent() -> None:
    fraction = {"kind": "fraction", "fraction": 0.2, "whole_below": 0.0, "cooldown": 15.0}
    desk = Desk([240], [[10, 0]], liquidation=fraction)
    desk.house.suspend(NONE, ONLY_BTC)
    desk.seize(btc=79)
    assert [desk.slices(btc=79).lots.sum() for _ in range(5)] == [0] * 5
    desk.house.suspend(NONE, NONE)
    assert [desk.slices(btc=79).lots.sum() for _ in range(4)] == [2, 0, 0, 10]


def test_the_bankrupt_wait_with_all_they_have_and_are_closed_afterwards() -> None:
    # BTC to 80 costs Alice and Bob 200 of 150
    desk = Desk([150, 150, 900], [[10, 10], [0, 10], [-10, -20]])
    desk.house.suspend(NONE, ONLY_BTC)
    desk.seize(btc=80, eth=80)
    desk.resolve(btc=80, eth=80)
    assert desk.ledger.state[ALICE] == State.LIQUIDATING and desk.lots(ALICE) == [10, 10]
    assert desk.ledger.state[BOB] == State.CLOSED  # he holds nothing that is closed
    assert desk.house.unattended == 1
    desk.house.suspend(NONE, NONE)
    desk.seize(btc=80, eth=80)
    desk.resolve(btc=80, eth=80)
    assert desk.ledger.state[ALICE] == State.CLOSED
    assert desk.house.unattended == 0


def test_the_keeper_is_not_asked_where_positions_wait() -> None:
    # 220 - 210 = 10 left, below two thirds of 40
    taken: dict[bool, Any] = {}
    for waits in (True, False):
        desk = Desk([220], [[10, 0]], capital=1_000)
        desk.house.suspend(NONE, ONLY_BTC if waits else NONE)
        desk.settle(btc=79, failed=[ALICE])
        taken[waits] = len(desk.told(EventKind.KEEPER_TAKEOVER))
    assert taken == {True: 0, False: 1}


def test_a_fund_below_zero_waits_like_everybody() -> None:
    desk = Desk([2_000], [[-10, 0]], fund=100)
    desk.trade(buyer=desk.fund, seller=desk.outside, lots=10, at=100)
    desk.house.suspend(NONE, ONLY_BTC)
    desk.resolve(btc=80)
    assert desk.ledger.position[desk.fund, BTC] == 10
    desk.house.suspend(NONE, NONE)
    desk.resolve(btc=80)
    assert desk.ledger.position[desk.fund, BTC] == 0


def test_a_cured_account_is_released_in_a_halt() -> None:
    desk = Desk([240], [[10, 0]])
    desk.seize(btc=79)
    desk.house.suspend(ONLY_BTC, ONLY_BTC)
    desk.resolve(btc=95)
    assert desk.ledger.state[ALICE] == State.HEALTHY
    assert desk.house.unattended == 0
