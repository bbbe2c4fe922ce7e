"""Selling for seized accounts: pace, throttle and priority at the house's desk, and what waited is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.clearing.journal import EventKind
from abm.clearing.ledger import State
from abm.clearing.liquidation.turnover import Turnover
from tests.clearing.house_desk import ALICE, BOB, BTC, CAROL, ETH, Desk
from tests.clearing.liquidation.test_turnover import traded

NO_FEE = {"fee_rate": 0.0}


def busy(desk: Desk, lots: int, steps: int = 1) -> Turnover:
    """`lots` of BTC have been traded in the step under way, which the desk's house remembers for `steps` steps."""
    turnover = Turnover(2, steps=steps, step_seconds=5.0)
    turnover.note(traded(BTC, lots))
    desk.house.selling.turnover = turnover
    return turnover


def test_a_patient_house_seizes_later_and_releases_at_maintenance() -> None:
    # 10 lots at 79 must hold 40 (39.5, rounded to even); half of it is 20: Alice has 20, Bob 19
    patient = {"kind": "whole", "trigger": 0.5}
    desk = Desk([230, 229], [[10, 0], [10, 0]], liquidation=patient)
    assert desk.seize(btc=79) == [BOB]
    desk.resolve(btc=80)  # Bob has 29 of 40
    assert desk.ledger.state[BOB] == State.LIQUIDATING
    desk.resolve(btc=82)  # 49 of 41
    assert desk.ledger.state[BOB] == State.HEALTHY
    # without equity nobody waits
    assert Desk([209], [[10, 0]], liquidation=patient).seize(btc=79) == [ALICE]


def test_participation_is_shared_over_the_accounts_of_the_venue() -> None:
    slicing = {"kind": "participation", "share": 0.1, "window": 5.0}
    desk = Desk([450, 230, 1_000], [[20, 0], [10, 0], [10, 0]], liquidation={"kind": "whole", "slicing": slicing})
    turnover = busy(desk, 65)
    assert desk.seize(btc=79) == [ALICE, BOB]
    # 10 % of 65: 6 lots, by 20 to 10
    assert desk.slices(btc=79).lots.tolist() == [[4, 0], [2, 0]]
    assert desk.told(EventKind.WAITED) == []
    turnover.advance()
    # nothing was traded since: one lot for the two, and the other waits
    lots = desk.slices(btc=79).lots
    assert lots.sum() == 1
    [entry] = desk.told(EventKind.WAITED)
    assert (entry.account, entry.instrument, entry.lots) == ((BOB, BTC, 10) if lots[0, BTC] else (ALICE, BTC, 20))


def test_a_throttle_serves_the_worst_first_where_the_rule_says_so() -> None:
    throttle = {"kind": "share_of_volume", "share": 0.5, "window": 5.0}
    rule = {"kind": "whole", "order": "worst_first", "throttle": throttle}
    desk = Desk([230, 215, 220], [[10, 0]] * 3, liquidation=rule)
    busy(desk, 30)
    desk.seize(btc=79)
    slices = desk.slices(btc=79)
    # 15 lots may go; 20, 5 and 10 are there of 40: Bob all of his 10, Carol 5 of hers, Alice none
    assert slices.accounts.tolist() == [ALICE, BOB, CAROL]
    assert slices.lots[:, BTC].tolist() == [0, 10, 5]
    assert [(e.account, e.lots) for e in desk.told(EventKind.WAITED)] == [(ALICE, 10), (CAROL, 5)]
    # who sold nothing is due at once, the others after their interval of 5 s
    desk.house.selling.interval = 2
    busy(desk, 30)
    assert desk.slices(btc=79).accounts.tolist() == [ALICE]


def test_shorts_that_wait_are_told_with_their_sign() -> None:
    throttle = {"kind": "share_of_volume", "share": 1.0, "window": 5.0}
    desk = Desk([230], [[-10, 0]], liquidation={"kind": "whole", "throttle": throttle})
    busy(desk, 4)
    desk.seize(btc=121)
    assert desk.slices(btc=121).lots.tolist() == [[-4, 0]]
    assert [entry.lots for entry in desk.told(EventKind.WAITED)] == [-6]


def test_almgren_chriss_runs_from_the_first_slice_and_anew_after_a_release() -> None:
    even = {"kind": "almgren_chriss", "horizon": 20.0, "kappa": 0.0}
    desk = Desk([240], [[12, 0]], liquidation={"kind": "whole", "interval": 5.0, "slicing": even})

    def sell(btc: int) -> int:
        desk.seize(btc)
        lots = int(desk.slices(btc).lots.sum())
        desk.trade(buyer=desk.outside, seller=ALICE, lots=lots, at=btc)
        return lots

    # 12 lots at 82: 24 against 49. In four slices of 5 s: 3, 3, ...; the other 6 at 90: 72 against 27
    assert [sell(82), sell(82)] == [3, 3]
    desk.resolve(btc=90)
    assert desk.ledger.state[ALICE] == State.HEALTHY
    # 6 lots at 79: 6 against 24; a quarter of 6 is 1.5, so 2; a third of 4 is 1.3, so 2; half of 2; 6 against 4: cured
    assert [sell(79), sell(79), sell(79), sell(79)] == [2, 2, 1, 0]


def test_one_position_after_the_other() -> None:
    # Alice lost 200 on BTC and 100 on ETH; 30 are left against 40 + 45
    desk = Desk([330], [[10, 10]], liquidation={"kind": "whole", "priority": "largest_loss"}, **NO_FEE)
    desk.seize(btc=80, eth=90)
    assert desk.slices(btc=80, eth=90).lots.tolist() == [[10, 0]]
    desk.trade(buyer=desk.outside, seller=ALICE, lots=10, at=80)
    # 30 against 45: ETH is next
    assert desk.slices(btc=80, eth=90).lots.tolist() == [[0, 10]]


SLICING = (
    {"kind": "at_once"},
    {"kind": "participation", "share": 0.2, "window": 10.0},
    {"kind": "almgren_chriss", "horizon": 15.0, "kappa": 0.1},
)
THROTTLE = ({"kind": "none"}, {"kind": "share_of_volume", "share": 0.3, "window": 10.0})
PRIORITY = ("all_at_once", "largest_loss", "largest_margin", "most_liquid", "pro_rata", "least_impact")


@pytest.mark.parametrize("kind", ["whole", "just_enough", "fraction"])
@given(
    accounts=st.lists(st.tuples(st.integers(0, 2_000), st.integers(-30, 30), st.integers(-30, 30)), min_size=1, max_size=6),
    prices=st.lists(st.tuples(st.integers(60, 140), st.integers(60, 140)), min_size=1, max_size=6),
    slicing=st.sampled_from(SLICING),
    throttle=st.sampled_from(THROTTLE),
    priority=st.sampled_from(PRIORITY),
    trigger=st.sampled_from([1.0, 0.6]),
    depth=st.sampled_from([100, 0]),
)
@settings(deadline=None, max_examples=60)
def test_nobody_below_maintenance_is_left_alone_without_a_reason(kind: str, **drawn: Any) -> None:
    rules = {name: drawn[name] for name in ("slicing", "throttle", "priority", "trigger")}
    accounts = drawn["accounts"]
    desk = Desk([money for money, _, _ in accounts], [[b, e] for _, b, e in accounts], liquidation={"kind": kind, **rules})
    turnover = Turnover(2, steps=2, step_seconds=5.0)
    selling = desk.house.selling
    selling.turnover = turnover
    for btc, eth in drawn["prices"]:
        turnover.note(traded(BTC, 20))
        desk.seize(btc, eth)
        worth, held = desk.worth(btc, eth), desk.ledger.position.copy()
        weak = np.flatnonzero((desk.ledger.state == State.LIQUIDATING) & (worth.equity >= 0))
        weak = weak[worth.collateral[weak] < worth.maintenance[weak]]
        slices = desk.slices(btc, eth, depth=drawn["depth"])
        rows = slices.accounts
        assert set(rows.tolist()) <= set(weak.tolist())  # below maintenance at every slice
        assert (slices.lots * held[rows] >= 0).all() and (np.abs(slices.lots) <= np.abs(held[rows])).all()
        sold = set(rows[slices.lots.any(axis=1)].tolist())
        waiting = {entry.account for entry in desk.told(EventKind.WAITED)}
        since = (desk.step - 1 - selling.first_slice) * 5.0
        cooling = {a for a in weak.tolist() if kind == "fraction" and selling.first_slice[a] >= 0 and since[a] < 30.0}
        assert set(weak.tolist()) <= sold | waiting | cooling
        for instrument in (BTC, ETH):
            desk.house.selling.turnover.note(traded(instrument, 1))
        turnover.advance()
        desk.resolve(btc, eth)
