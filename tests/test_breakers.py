"""Circuit breakers in the whole market: who is closed out, what waits, and that nothing is lost meanwhile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abm.clearing.journal import EventKind
from abm.clearing.ledger import State
from abm.market.order import Kind, Outcome
from abm.measures.losses import unallocated_loss
from abm.records import PER_INSTRUMENT, Records
from abm.scenario import Scenario
from tests.small_worlds import fingerprint, market, played, shock, world
from tests.test_model import executions
from tests.test_null import SHORT
from tests.test_parameters import stirred, venue

BTC = 0
LULD = {"kind": "luld", "pause": 60.0}
ROLLING = {"kind": "rolling", "halt": 60.0}
WIDE = {"kind": "market_wide", "first": 0.05, "second": 0.10, "third": 0.15, "halt": 60.0}
KINDS = {"luld": LULD, "rolling": ROLLING, "market_wide": WIDE}


def crash(breaker: dict[str, Any], **more: Any) -> dict[str, Any]:
    """BTC falls by 40 % within half a minute under the given breaker."""
    return {"venues.main.breaker": breaker, "world.shocks": [shock(-0.4)], "population.crowd.leverage_median": 20.0} | more


def halted(records: Records) -> Any:
    return records.per_instrument["halted"] == 1


@pytest.mark.parametrize("breaker", KINDS.values(), ids=KINDS)
def test_nothing_trades_in_a_halt_and_never_outside_a_band(breaker: dict[str, Any]) -> None:
    model = market(crash(breaker), crowd=25)
    log, fills = executions(model), 0
    while model.tick < model.scenario.time.steps:
        log.clear()
        (low, high), closed = model.exchange.breakers.bands.T, model.exchange.breakers.halts.closed
        model.step()
        for batch, done, _ in log:
            book = done.fills["instrument"]
            assert not closed[book].any()
            assert ((done.fills["tick"] >= low[book]) & (done.fills["tick"] <= high[book])).all()
            trading = (batch["kind"] < Kind.CANCEL) & closed[batch["instrument"]]
            assert (done.outcome[trading] == Outcome.HALTED).all()
            fills += len(book)
    records = model.records()
    assert halted(records)[:, BTC].any() and not halted(records).all() and fills > 50
    assert not records.per_instrument["volume"][halted(records)].any()
    assert unallocated_loss(records) == 0


@pytest.mark.parametrize("breaker", KINDS.values(), ids=KINDS)
def test_halts_are_told_as_events(breaker: dict[str, Any]) -> None:
    records = played(world(crash(breaker), crowd=25))
    closed = np.zeros_like(halted(records)[0])
    for step in range(len(records)):
        assert np.array_equal(halted(records)[step], closed)
        for event in records.events[records.events["step"] == step]:
            if event["kind"] in (EventKind.HALTED, EventKind.RESUMED):
                assert event["account"] == event["trader"] == -1
                closed[event["instrument"]] = event["kind"] == EventKind.HALTED  # from the next step on


def test_nobody_below_maintenance_is_left_alone_but_for_a_recorded_halt() -> None:
    # marks follow the outside value, so that accounts breach in the halt, too
    breaker = WIDE | {"marks": "follow"}
    model = market(crash(breaker, **{"venues.main.marking.book_weight": 0.0}), crowd=25)
    left_alone = 0
    while model.tick < model.scenario.time.steps:
        unchecked = model.exchange.breakers.halts.unchecked
        model.step()
        worth, ledger = model.worth, model.ledger
        short = (worth.collateral < worth.maintenance) & model.exchange.margined
        short[np.concatenate([house.fund for house in model.exchange.houses])] = False
        # seized at the latest in the step, and perhaps released or closed in it; all others hold a halted instrument
        entered = {entry.account for house in model.exchange.houses for entry in house.journal.entries}
        alone = [a for a in np.flatnonzero(short & (ledger.state == State.HEALTHY)) if a not in entered]
        assert (ledger.position[alone][:, unchecked] != 0).any(axis=1).all()
        told = model.records().scalars["unattended"][-1]
        assert told >= len(alone)
        assert told == 0 or model.exchange.breakers.was.any()
        left_alone += len(alone)
    assert left_alone > 0


def test_a_halt_in_the_middle_of_a_liquidation_conserves_and_the_work_goes_on_after_it() -> None:
    slow = {"kind": "fraction", "fraction": 0.05, "whole_below": 0.0, "cooldown": 300.0}
    changes = {"venues.main.clearing.liquidation": slow, "world.shocks": [shock(-0.08)]}
    model = market(crash(ROLLING | {"halt": 30.0}, **changes), crowd=25)
    waiting = []  # seized accounts that hold what is closed, step by step
    while model.tick < model.scenario.time.steps:
        model.step()
        assert model.ledger.conservation() == {"cash_error": 0, "lots_error": 0}
        seized = model.ledger.state == State.LIQUIDATING
        waiting.append(int((seized & (model.ledger.position[:, model.exchange.breakers.was] != 0).any(axis=1)).sum()))
    records = model.records()
    begins = int(np.flatnonzero(waiting)[0])
    ends = begins + 6  # 30 s
    forced = records.per_instrument["forced"][:, BTC]
    assert halted(records)[begins:ends, BTC].all() and not halted(records)[[begins - 1, ends], BTC].any()
    assert forced[:begins].any() and not forced[begins:ends].any() and forced[ends:].any()
    assert (records.scalars["unattended"] >= waiting).all()
    assert unallocated_loss(records) == 0


@pytest.mark.parametrize("liquidation", ["suspend", "continue"])
def test_off_book_takeovers_go_on_in_a_halt_only_where_the_rule_says_so(liquidation: str) -> None:
    breaker = WIDE | {"liquidation": liquidation, "margin": "continue", "marks": "follow"}
    records = played(world(crash(breaker, **{"venues.main.marking.book_weight": 0.0}), crowd=25))
    closed = halted(records)
    off_book = records.per_instrument["adl"] + records.per_instrument["takeover"]
    assert off_book[closed].any() == (liquidation == "continue")
    assert not records.per_instrument["forced"][closed].any()  # the book is closed either way
    assert records.scalars["deficit"].sum() > 0


def test_resting_quotes_stay_or_drain_or_are_pulled() -> None:
    resting: dict[str, list[int]] = {}
    for orders in ("refuse", "cancel_only", "pull"):
        model = market(crash(ROLLING | {"orders": orders}), crowd=25)
        while not model.exchange.breakers.halts.closed[BTC]:
            model.step()
        resting[orders] = [int(model.books.resting_lots()[BTC].sum())]
        for _ in range(12):
            model.step()
            resting[orders].append(int(model.books.resting_lots()[BTC].sum()))
    before = resting["refuse"][0]
    assert min(resting["refuse"]) > 0.9 * before > 0  # plain cancels of others pass, and those of seized accounts
    assert resting["cancel_only"][0] == before and max(resting["cancel_only"][1:]) < 0.1 * before  # the makers have left
    assert resting["pull"] == [0] * 13


@pytest.mark.parametrize(("marks", "moves"), [("freeze", False), ("follow", True)])
def test_marks_in_a_halt(marks: str, moves: bool) -> None:
    records = played(world(crash(LULD | {"marks": marks})))
    first = np.flatnonzero(halted(records)[:, BTC])[0]
    index = records.per_instrument["index"][first - 1 : first + 12, BTC]
    assert (len(set(index[1:].tolist())) > 1) == moves
    assert (index[0] == index[1]) or moves


def test_every_option_changes_the_run() -> None:
    base = {"venues.main.marking.book_weight": 0.5, "population.crowd.count": 25}
    runs = [
        fingerprint(played(world(crash(WIDE | {"marks": "follow"} | option, **base))))
        for option in ({}, {"orders": "cancel_only"}, {"orders": "pull"}, {"margin": "continue"}, {"liquidation": "continue"})
    ]
    assert len(set(runs)) == len(runs)


@pytest.mark.parametrize("coordinated", [False, True])
def test_a_trip_reaches_the_other_venue_only_if_coordinated(coordinated: bool) -> None:
    alpha = venue("alpha", 0.6) | {"breaker": ROLLING | {"coordinated": coordinated}}
    records = played(stirred(alpha, venue("beta", 0.4), **{"time__duration": 100.0}))
    closed = halted(records)  # BTC and ETH on alpha, then on beta
    assert closed[:, :2].any()
    assert np.array_equal(closed[:, :2], closed[:, 2:]) == coordinated
    assert closed[:, 2:].any() == coordinated


def test_funding_is_paid_in_a_halt_but_its_quotes_are_no_premium() -> None:
    model = market(crash(WIDE | {"third": 0.11}, **{"venues.main.funding.interval": 60.0}))
    while not model.exchange.breakers.halts.closed.all():
        model.step()
    seen: list[Any] = []
    [clock] = model.exchange.funding
    observe = clock.observe
    clock.observe = lambda bid, ask, index: (seen.append((bid, ask)), observe(bid, ask, index))  # type: ignore[method-assign]
    paid = model.ledger.cash.copy()
    for _ in range(12):
        model.step()
    assert not np.any(seen)
    assert (model.ledger.cash != paid).any()


def test_a_breaker_that_does_not_trip_changes_nothing() -> None:
    calm = {"world.shocks": []}
    wide = played(world(calm | {"venues.main.breaker": "market_wide"}))
    assert fingerprint(wide) == fingerprint(played(world(calm)))
    assert not halted(wide).any()


@pytest.mark.parametrize("kind", ["luld", "rolling"])
def test_the_halt_of_one_asset_reaches_no_other_where_nothing_joins_them(kind: str) -> None:
    null = Scenario.load("null").with_(
        SHORT | {"population.cross_share": 0.0, "venues.*.breaker": {"kind": kind}, "world.shocks.eth.size": -0.4}
    )
    hit, quiet = played(null), played(null.with_({"world.shocks": []}))
    ethereum = [asset.name for asset in null.assets].index("ETH")
    assert halted(hit)[:, ethereum].any() and not halted(quiet).any()
    others = [i for i in range(len(null.assets)) if i != ethereum]
    for name in PER_INSTRUMENT:
        assert np.array_equal(hit.per_instrument[name][:, others], quiet.per_instrument[name][:, others]), name


def test_forced_orders_that_a_closed_book_refuses_count_as_failed() -> None:
    breaker = WIDE | {"liquidation": "continue", "margin": "continue", "marks": "follow"}
    keeper = {"venues.main.clearing.keeper": {"capital_share": 0.2, "trigger": 1.0, "leverage_max": 50.0}}
    slow = {"venues.main.marking.book_weight": 0.0, "world.shocks": [shock(-0.2)]}
    records = played(world(crash(breaker, **slow, **keeper)))
    events = records.events[records.events["kind"] == EventKind.KEEPER_TAKEOVER]
    assert any(halted(records)[event["step"], event["instrument"]] for event in events)
