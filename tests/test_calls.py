"""Margin calls in a whole market: no time is no call, calls act, and money that comes in is on record."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abm.clearing.journal import EventKind
from abm.clearing.ledger import State
from abm.market.causes import Cause
from abm.market.order import Kind, orders
from abm.measures.losses import unallocated_loss
from abm.measures.summary import summarise
from abm.model import CascadeModel
from abm.records import Records
from abm.scenario import Scenario
from abm.twins import twin
from tests.small_worlds import fingerprint, played, shock, world
from tests.test_parameters import stirred, venue

FALL = {"world.shocks": [shock(-0.25, ramp=150.0)], "population.cross_share": 0.7, "population.universal_share": 0.3}
CALLS = "venues.main.clearing.calls"
NOTICE = {"kind": "notice", "trigger": 1.5, "target": 2.0, "deadline": 60.0}
RICH = {"population.answer": {"reserve_share": 5.0, "response_delay": 10.0}}
CUTS = {"population.answer": {"self_deleverage": 1.0, "deleverage_seconds": 20.0}}
APART = {"population.cross_share": 0.0, "population.answer": {"other_accounts": True, "transfer_delay": 10.0}}


def crowded(**changes: Any) -> Scenario:
    return world(FALL | changes, crowd=80, liquidity=20)


def events(records: Records, kind: EventKind) -> np.ndarray:
    return records.events[records.events["kind"] == kind]


@pytest.mark.parametrize(
    "nothing", [{"trigger": 1.0, "deadline": 0.0}, {"trigger": 1.0, "target": 3.0, "deadline": 600.0, "floor": 1.0}]
)
def test_a_notice_that_gives_no_time_is_none(nothing: dict[str, Any]) -> None:
    rule = {"kind": "notice"} | nothing
    assert fingerprint(played(crowded(**{CALLS: rule}))) == fingerprint(played(crowded()))
    two = [
        [venue("alpha", 0.6, liquidation={"kind": "just_enough"}, **more), venue("beta", 0.4, loss_scope="instrument")]
        for more in ({"calls": rule}, {})
    ]
    with_calls, without = (played(stirred(*venues)) for venues in two)
    assert len(without.liquidations) > 20
    assert fingerprint(with_calls) == fingerprint(without)


def test_nobody_answers_where_nobody_calls() -> None:
    able = {"reserve_share": 5.0, "other_accounts": True, "self_deleverage": 1.0}
    assert fingerprint(played(crowded(**{"population.answer": able}))) == fingerprint(played(crowded()))


def followed(changes: dict[str, Any]) -> tuple[CascadeModel, Records]:
    """A run in which nobody adds to a position between a call and the liquidations of the step, looked at in every step."""
    model = CascadeModel(scenario=crowded(**changes), rng=1)
    call, liquidate, held = model.call, model.liquidate, {}

    def noted() -> None:
        held["called"], held["gross"] = model.ledger.state == State.CALLED, np.abs(model.ledger.position)
        call()
        model.ledger.assert_conserved()

    def checked() -> None:
        assert not (np.abs(model.ledger.position) > held["gross"])[held["called"]].any()
        liquidate()

    model.call, model.liquidate = noted, checked  # type: ignore[method-assign]
    return model, model.run()


@pytest.mark.parametrize("changes", [RICH, CUTS, APART], ids=["reserves", "cuts", "other accounts"])
def test_called_accounts_never_grow_and_money_is_conserved(changes: dict[str, Any]) -> None:
    model, records = followed({CALLS: NOTICE} | changes)
    assert records.scalars["called"].max() > 3
    assert unallocated_loss(records) == 0 and model.ledger.conservation() == {"cash_error": 0, "lots_error": 0}
    came = events(records, EventKind.TOPPED_UP)
    from_reserves = int(came["amount"][came["counterparty"] == -1].sum())
    assert int(model.ledger.deposited[0]) == from_reserves
    assert (from_reserves > 0) == (changes is RICH)
    assert bool((came["counterparty"] >= 0).any()) == (changes is APART)
    inside = came[came["counterparty"] >= 0]
    assert (model.ledger.owner[inside["counterparty"]] == inside["trader"]).all()


def liquidated(changes: dict[str, Any]) -> tuple[int, int]:
    """Accounts liquidated and forced value, cash units."""
    records = played(crowded(**{CALLS: NOTICE} | changes))
    return len(np.unique(events(records, EventKind.ENTERED)["account"])), int(records.per_instrument["forced_value"].sum())


def test_money_and_smaller_positions_save_accounts() -> None:
    silent, rich, cuts = (liquidated(changes) for changes in ({}, RICH, CUTS))
    assert rich[0] < silent[0] and rich[1] < silent[1] / 2
    assert cuts[1] < silent[1]  # what they sold themselves is not sold by force


def test_reserves_that_come_after_the_deadline_are_of_little_use() -> None:
    late = {"population.answer": {"reserve_share": 5.0, "response_delay": 240.0}}
    assert liquidated(RICH)[0] < liquidated(late)[0]


def test_the_summary_counts_the_calls() -> None:
    scenario = crowded(**{CALLS: NOTICE} | RICH)
    records = played(scenario)
    found, unit = summarise(records, {})["margin_calls"], scenario.money.cash_unit
    made, met = events(records, EventKind.CALLED), events(records, EventKind.CALL_MET)
    assert found["accounts"] == len(np.unique(made["account"])) > 3
    assert found["amount"] == pytest.approx(int(made["amount"].sum()) * unit)
    assert found["met_share"] == len(met) / len(made) > 0
    assert found["topped_up"] == pytest.approx(int(events(records, EventKind.TOPPED_UP)["amount"].sum()) * unit)
    none = summarise(played(crowded()), {})
    assert none["margin_calls"] == {"accounts": 0, "amount": 0.0, "met_share": None, "topped_up": 0.0}
    assert none["unavailable"]["margin_calls.met_share"] == "nobody had a margin call"


def test_the_isolated_twin_has_the_same_money_and_the_same_reserves() -> None:
    scenario = crowded(**{CALLS: NOTICE} | RICH)
    pooled, apart = (CascadeModel(scenario=one, rng=3) for one in (scenario, twin(scenario, "isolated")))
    rows = np.arange(len(pooled.exchange.traders.group))
    assert np.array_equal(pooled.equity(rows), apart.equity(rows))
    assert np.array_equal(pooled.treasury.reserve, apart.treasury.reserve)
    # five times what each had at the opening, rounded down; makers have none
    assert np.array_equal(pooled.treasury.reserve[:-2], 5 * pooled.equity(rows)[:-2])
    assert not pooled.treasury.reserve[-2:].any()


def test_the_twin_without_liquidation_does_not_call() -> None:
    scenario = crowded(**{CALLS: NOTICE} | RICH)
    untouched = played(twin(scenario, "no_liquidation"))
    assert not len(untouched.events) and not untouched.scalars["called"].any()
    plain = twin(crowded(), "no_liquidation")
    assert fingerprint(untouched) == fingerprint(played(plain))


def test_called_makers_and_noise_traders_work_their_positions_off() -> None:
    busy = world({"world.shocks": [], "population.liquidity.market_per_hour": 200.0})
    model = CascadeModel(scenario=busy, rng=1)  # a house without notices leaves these calls alone
    model.step()
    ledger, backing, price = model.ledger, model.exchange.accounts.backing, model.exchange.price
    traders = model.exchange.traders
    maker, noise = backing[traders.rows("makers"), 0][:1], backing[traders.rows("liquidity"), 0]
    called = np.concatenate([maker, noise])
    ledger.takeover(model.exchange.pool, called, 0, 5, 5 * price[0])
    ledger.state[called] = State.CALLED
    gross = np.abs(ledger.position[called])
    resting = orders(trader=ledger.owner[called], account=called, instrument=-1, side=1, lots=0, kind=Kind.CANCEL_ALL)
    model._force(resting, Cause.QUOTES)
    for _ in range(40):
        model.step()
        assert not (model.books.open_buy[called, 0] > np.maximum(-ledger.position[called, 0], 0)).any()
        assert (np.abs(ledger.position[called]) <= gross).all()
        gross = np.abs(ledger.position[called])
        if model.tick == 2:
            assert 0 < model.books.open_sell[maker[0], 0] <= 5
    assert ledger.position[noise, 0].sum() < 5 * len(noise)
