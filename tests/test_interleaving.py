"""Forced orders among those of traders: one batch, one order of keys, the same laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abm.market.causes import Cause
from abm.market.order import OrderBatch, Reason
from abm.measures.genealogy import losses
from abm.model import CascadeModel
from abm.twins import twin
from tests.laws import play_and_check
from tests.small_worlds import fingerprint, market, played, shock, world
from tests.test_model import executions
from tests.test_twins import parting

AMONG: dict[str, Any] = {
    "time.forced_orders": "interleaved",
    "world.shocks": [shock(-0.25, ramp=120.0)],
    "population.crowd.leverage_median": 15.0,
    "population.liquidity.market_per_hour": 3_600.0,
}


def batches(model: CascadeModel) -> list[OrderBatch]:
    """What reached the books in every batch with a forced order."""
    log = executions(model)
    model.run()
    return [batch for batch, *_ in log if (batch["reason"] == Reason.FORCED).any()]


def test_forced_orders_come_before_some_traders_and_after_others() -> None:
    ahead, behind = 0, 0
    for batch in batches(market(AMONG, crowd=40, liquidity=40)):
        forced, free = batch[batch["reason"] == Reason.FORCED], batch[batch["reason"] == Reason.VOLUNTARY]
        for order in forced:
            others = free[free["instrument"] == order["instrument"]]
            ahead += int((others["key"] > order["key"]).sum())
            behind += int((others["key"] < order["key"]).sum())
    assert ahead + behind > 1_000
    assert 0.3 < ahead / (ahead + behind) < 0.7  # keys of both are uniform


def test_unless_asked_for_no_trader_is_in_a_batch_with_forced_orders() -> None:
    for batch in batches(market(AMONG | {"time.forced_orders": "last"}, crowd=40)):
        assert (batch["reason"] == Reason.FORCED).all()


def test_the_worst_account_is_still_first_of_the_forced_in_every_book() -> None:
    rule = {"venues.main.clearing.liquidation": {"kind": "whole", "order": "worst_first"}}
    model = market(AMONG | rule | {"population.crowd.leverage_sigma": 0.1}, crowd=60)
    [engine], wished = model.engines, []
    act = engine.act

    def logged() -> OrderBatch:
        batch = act()
        if len(batch):
            wished.append(batch.copy())
        return batch

    engine.act = logged  # type: ignore[method-assign]
    sent = batches(model)
    assert len(sent) == len(wished) and max(map(len, wished)) > 2
    for batch, wish in zip(sent, wished, strict=True):
        assert in_turn(batch[batch["reason"] == Reason.FORCED]) == in_turn(wish)


def in_turn(batch: OrderBatch) -> dict[int, list[int]]:
    """Accounts of the orders of each book by their keys."""
    batch = batch[np.argsort(batch["key"], kind="stable")]
    books = np.unique(batch["instrument"]).tolist()
    return {book: batch["account"][batch["instrument"] == book].tolist() for book in books}


def test_the_laws_hold_and_it_is_another_market() -> None:
    records = play_and_check(market(AMONG, crowd=40, liquidity=40))
    assert len(records.liquidations) and (records.lineage["parent"] >= 0).any()
    last = played(world(AMONG | {"time.forced_orders": "last"}, crowd=40, liquidity=40))
    assert fingerprint(records) != fingerprint(last)
    assert int(records.liquidations["step"].min()) <= parting(records, last) < len(last)  # the same until the first forced order


def test_parts_of_the_marks_still_add_up() -> None:
    model = market(AMONG, crowd=40, liquidity=40)
    for _ in range(40):
        model.step()
        moved = model.marks.mark - model.instruments.opening_tick
        assert np.allclose(model.lineage._causes.mark.sum(axis=1), moved, atol=1e-6)


@pytest.mark.parametrize("name", ["no_impact", "no_impact_of_cuts"])
def test_without_impact_nobody_is_infected(name: str) -> None:
    scenario = twin(world(AMONG, crowd=40, liquidity=40), name)
    records = played(scenario)
    table = losses(records)
    assert len(table) and (table["parent"] == -1).all() and not (table["cause"] == Cause.FORCED).any()
    assert np.array_equal(records.liquidations["filled"], records.liquidations["lots"])
