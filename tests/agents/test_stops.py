"""Stops in the whole market: where they lie, that each goes off once, and what they leave behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from abm.agents.trader import Trader
from abm.behaviour.stop_loss import NEVER
from abm.clearing.ledger import State
from abm.market.causes import Cause
from abm.market.order import Kind, OrderBatch, Reason, no_orders
from abm.model import CascadeModel
from tests.laws import play_and_check
from tests.small_worlds import fingerprint, market, played, shock, world
from tests.test_model import executions

BTC = 0
CALM = {"world.shocks": [], "population.stops": {"share": 1.0, "farthest": 0.9}}
FALL = {"world.shocks": [shock(-0.4)]}


def a_long(model: CascadeModel) -> int:
    """The place, among those with stops, of the smallest long in BTC: the book can take it."""
    lots = model.positions(model.stops.rows)[:, BTC]
    return int(np.argmin(np.where((lots > 0) & (model.stops.level[:, BTC] != NEVER), lots, lots.max() + 1)))


def arm(model: CascadeModel, place: int) -> None:
    """Of all stops leave one, in BTC and above the mark of the next step, whatever that is."""
    model.stops.level[:] = NEVER
    model.stops.level[place, BTC] = model.marks.mark[BTC] + 100


def sent(log: list[Any]) -> OrderBatch:
    """Stop orders that reached the books."""
    return np.concatenate([no_orders(), *(batch[batch["reason"] == Reason.STOP] for batch, *_ in log)])


def test_without_stops_nobody_is_watched() -> None:
    assert not len(market().stops.rows)


def test_at_the_end_of_the_way_an_isolated_position_has_its_maintenance_margin() -> None:
    model = market({"population.cross_share": 0.0, "population.stops": {"share": 1.0, "nearest": 1.0, "farthest": 1.0}})
    exchange, some = model.exchange, model.stops.level != NEVER
    j, i = np.nonzero(some)
    assert len(j) > 10
    account = exchange.accounts.backing[model.stops.rows[j], i]
    lots, price = model.ledger.position[account, i], model.stops.level[j, i] * model.instruments.unit[i]
    equity = model.ledger.cash[account, 0] + lots * price
    maintenance = np.abs(lots) * price * 0.025  # half of the initial margin at 20x
    tick = np.abs(lots) * model.instruments.unit[i]
    assert (np.abs(equity - maintenance) <= tick).all()


def test_stops_are_the_same_in_every_margin_mode() -> None:
    apart, pooled = (market({**CALM, "population.cross_share": share}).stops.level for share in (0.0, 1.0))
    assert np.array_equal(apart, pooled) and apart.any()


def test_only_the_crowd_has_stops_in_positions_and_a_share_of_it() -> None:
    model = market(CALM | {"population.stops.share": 0.5, "population.stops.trader_share": 0.5}, crowd=200, pairs=20)
    crowd = np.isin(model.stops.rows, model.groups["crowd"].rows)
    has = model.stops.level.any(axis=1)
    assert not has[~crowd].any() and 0.4 < has[crowd].mean() < 0.6  # 200 draws: a standard deviation of 0.035


def test_a_stop_that_is_passed_closes_the_whole_position_once() -> None:
    model = market(CALM)
    place = a_long(model)
    row = model.stops.rows[[place]]
    before, log = int(model.positions(row)[0, BTC]), executions(model)
    arm(model, place)
    for _ in range(5):
        model.step()
    [order] = sent(log)
    assert (order["trader"], order["instrument"], order["side"], order["lots"]) == (row[0], BTC, -1, before)
    mark = int(model.records().per_instrument["mark"][0, BTC])
    assert (order["kind"], order["reduce_only"], order["tick"]) == (Kind.IOC, 1, np.ceil(0.9 * mark))  # 10 % below
    assert model.positions(row)[0, BTC] == 0 and model.stops.level[place, BTC] == NEVER
    assert model.records().per_instrument["stopped"][:, BTC].tolist() == [before, 0, 0, 0, 0]


def test_a_stop_waits_while_its_book_is_closed() -> None:
    model = market(CALM)
    place, log, breakers = a_long(model), executions(model), model.exchange.breakers
    arm(model, place)
    open_ = breakers.halts
    breakers.halts = replace(open_, closed=np.array([True, False]))
    model.trade()
    assert not len(sent(log)) and model.stops.level[place, BTC] != NEVER
    breakers.halts = open_
    model.trade()
    assert len(sent(log)) == 1


def test_a_seized_position_has_no_stop_any_more() -> None:
    model = market(CALM)
    place, log = a_long(model), executions(model)
    arm(model, place)
    account = model.exchange.accounts.backing[model.stops.rows[place], BTC]
    model.ledger.state[account] = State.LIQUIDATING
    model.trade()
    model.ledger.state[account] = State.HEALTHY
    model.trade()
    assert not len(sent(log))


def test_who_has_lost_too_much_closes_everything_once() -> None:
    model = market({"world.shocks": [], "population.stops": {"trader_share": 1.0}})
    held = model.positions(model.stops.rows)
    both = (held != 0).all(axis=1)
    place, log = int(np.argmin(np.where(both, np.abs(held).sum(axis=1), np.iinfo(np.int64).max))), executions(model)
    row = model.stops.rows[[place]]
    assert model.stops.floor[place] == 0.5 * model.equity(row)[0]  # half of the opening equity
    model.stops.floor[place] = 2.0 * model.equity(row)[0]
    for _ in range(5):
        model.step()
    orders = sent(log)
    assert orders["trader"].tolist() == [row[0]] * 2 and not model.positions(row).any()
    assert np.array_equal(orders["side"] * orders["lots"], -held[place])


def test_a_stop_without_a_limit_takes_any_price() -> None:
    model = market(CALM | {"population.stops.limit": 1.0})
    log = executions(model)
    arm(model, a_long(model))
    model.trade()
    assert sent(log)["kind"].tolist() == [Kind.MARKET]


def test_the_last_trade_may_be_the_trigger() -> None:
    prints = {fingerprint(played(world({**FALL, "population.stops": {"share": 1.0, "trigger": which}}, crowd=25)))
              for which in ("mark", "last")}  # fmt: skip
    assert len(prints) == 2


def test_a_trader_of_ones_own_has_no_stops() -> None:
    model = market(CALM)
    place, log = a_long(model), executions(model)
    arm(model, place)
    model.hand_over(int(model.stops.rows[place]), Trader)
    model.step()
    assert not len(sent(log))


@pytest.mark.parametrize("stops", [{"share": 1.0}, {"trader_share": 1.0}])
def test_the_laws_hold_and_losses_through_stops_are_told_apart(stops: dict[str, float]) -> None:
    records = play_and_check(market({**FALL, "population.stops": stops}, crowd=25))
    assert records.per_instrument["stopped"].any()
    rows = records.lineage[records.lineage["cause"] == Cause.STOPS]
    assert rows["loss"].sum() > 0 and (rows["parent"] == -1).all()
