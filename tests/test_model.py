"""The whole market: the order of a step, the laws of trading in it, and attacks that it must survive."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abm.agents.trader import Trader
from abm.behaviour.view import View
from abm.clearing.journal import EventKind
from abm.clearing.ledger import State
from abm.market.book import Execution
from abm.market.causes import Cause
from abm.market.order import Kind, OrderBatch, orders
from abm.model import CascadeModel
from abm.records import Records
from abm.scenario import Scenario
from tests.naive import NaiveBooks
from tests.small_worlds import asset, fingerprint, market, played, shock, world

BTC = 0
PHASES = (
    "advance_world", "fix_marks", "pay_funding", "check_margins", "call", "quote", "trade", "liquidate", "supervise", "record",
)  # fmt: skip


def phases(model: CascadeModel) -> list[str]:
    """Names of the phases as the model goes through them, the one under way last."""
    log: list[str] = []
    for name in PHASES:
        method = getattr(model, name)

        def logged(method: Any = method, name: str = name) -> None:
            log.append(name)
            method()

        setattr(model, name, logged)
    return log


def executions(model: CascadeModel) -> list[tuple[OrderBatch, Execution, dict[str, Any]]]:
    """Everything that reaches the books from now on: the batch, what became of it, and the other arguments."""
    log: list[tuple[OrderBatch, Execution, dict[str, Any]]] = []
    execute = model.books.execute

    def logged(batch: OrderBatch, **more: Any) -> Execution:
        before = batch.copy()
        done = execute(batch, **more)
        log.append((before, done, more))
        return done

    model.books.execute = logged  # type: ignore[method-assign]
    return log


def test_a_step_is_the_table_of_its_phases() -> None:
    model = market()
    log = phases(model)
    model.step()
    assert tuple(log) == PHASES


def test_marks_and_seizures_do_not_change_while_orders_meet() -> None:
    model = market({"world.shocks": [shock(-0.4)]})
    log, states = phases(model), []
    seen: list[tuple[str, bytes, int]] = []
    book = model._book

    def watched(execution: Execution, cause: Cause) -> Execution:
        seen.append((log[-1], model.marks.mark.tobytes(), int((model.ledger.state == State.LIQUIDATING).sum())))
        return book(execution, cause)

    model._book = watched  # type: ignore[method-assign]
    for _ in range(30):
        seen.clear()
        model.step()
        assert len({mark for _, mark, _ in seen}) == 1
        trading = [seized for phase, _, seized in seen if phase in ("quote", "trade")]
        assert len(set(trading)) <= 1
        states += trading
    assert max(states) > 0


def test_the_books_of_a_run_are_those_of_the_plain_twin() -> None:
    model = market({"time.duration": 150.0, "world.shocks": [shock(-0.4, at=10.0)]}, liquidity=20)
    log = executions(model)
    model.run()
    oracle = NaiveBooks(model.instruments.opening_tick.tolist(), model.instruments.ladder_ticks.tolist())
    fills = 0
    for batch, done, more in log:
        plain = oracle.execute(batch, **more)
        names = ("instrument", "tick", "lots", "taker", "maker", "order", "side", "taker_reason", "maker_reason")
        assert sorted(tuple(int(f[n]) for n in names) for f in done.fills) == sorted(
            tuple(getattr(f, n) for n in names) for f in plain.fills
        )
        assert done.expired_lots.tolist() == plain.expired_lots
        fills += len(plain.fills)
    assert fills > 50


def test_no_order_trades_through_a_better_price_and_nobody_with_himself() -> None:
    model = market({"world.shocks": [shock(-0.4)]})
    log = executions(model)
    model.run()
    owner = model.ledger.owner
    for _, done, _ in log:
        fills = done.fills
        assert (owner[fills["taker"]] != owner[fills["maker"]]).all()
        for order in np.unique(fills["order"]):
            ticks = fills["tick"][fills["order"] == order] * fills["side"][fills["order"] == order]
            assert (np.diff(ticks) >= 0).all()  # a buyer pays the lowest offer first


def test_only_accounts_below_maintenance_are_worked_on_and_forced_orders_only_reduce() -> None:
    model = market({"world.shocks": [shock(-0.5)]}, crowd=25)
    log = executions(model)
    held: list[np.ndarray] = []
    liquidate = model.liquidate

    def noted() -> None:
        held.append(model.ledger.position.copy())
        liquidate()

    model.liquidate = noted  # type: ignore[method-assign]
    records = model.run()
    rows = records.liquidations
    assert len(rows) > 20
    assert (rows["equity"] < rows["maintenance"]).all()
    for row in rows:
        before = held[row["step"]][row["account"], row["instrument"]]
        # signed as the order: against the position and at most all of it; filled in part
        assert before * row["lots"] < 0 and abs(row["lots"]) <= abs(before)
        assert abs(row["filled"]) <= abs(row["lots"]) and row["filled"] * row["lots"] >= 0
    assert log


def test_what_is_closed_by_adl_leaves_both_sides_of_the_open_interest() -> None:
    records = played(world({"world.shocks": [shock(-0.5)]}, crowd=25))
    adl = records.per_instrument["adl"]
    assert adl.any()
    told = records.events[records.events["kind"] == EventKind.ADL]
    for i in range(adl.shape[1]):
        mine = told[told["instrument"] == i]
        assert np.bincount(mine["step"], weights=np.abs(mine["lots"]), minlength=len(records)).tolist() == adl[:, i].tolist()
        change = np.diff(records.per_instrument["open_interest"][:, i])
        assert (change[adl[1:, i] > 0] < 0).all()


class Bidder(Trader):
    """Bids for a lot of BTC just below its value in every step, and leaves the bids there."""

    def act(self, view: View) -> OrderBatch:
        return orders(trader=self.row, instrument=BTC, side=1, lots=1, tick=int(view.value[BTC]) - 1)


class Seller(Trader):
    """Sells three lots of BTC a step, at any price."""

    def act(self, view: View) -> OrderBatch:
        return orders(trader=self.row, instrument=BTC, side=-1, lots=3, kind=Kind.MARKET)


def test_a_seized_account_has_no_orders_that_could_trade() -> None:
    # the crowd is ruined by ETH while its bids for BTC are being hit
    calm = {"assets.*.volatility_daily": 0.0, "world.shocks": [shock(-0.5, assets=["ETH"])]}
    alone = {"makers.count": 0, "venues.main.marking.book_weight": 0.0}
    model = market(calm | alone, liquidity=0, value=0, trend=0, pairs=0)
    for row in model.exchange.traders.rows("crowd"):
        model.hand_over(int(row), Bidder)
    model.hand_over(int(model.exchange.traders.rows("hedgers")[0]), Seller)
    log, resting, filled = phases(model), 0, []
    book = model._book

    def watched(execution: Execution, cause: Cause) -> Execution:
        makers = execution.fills["maker"]
        filled.extend(model.ledger.state[makers].tolist())
        return book(execution, cause)

    model._book = watched  # type: ignore[method-assign]
    check = model.check_margins

    def checked() -> None:
        nonlocal resting
        healthy = model.ledger.state == State.HEALTHY
        bids = model.books.open_buy.copy()
        check()
        seized = healthy & (model.ledger.state == State.LIQUIDATING)
        resting += int(bids[seized].sum())
        assert not model.books.open_buy[seized].any()

    model.check_margins = checked  # type: ignore[method-assign]
    model.run()
    assert log and resting > 0  # they had bids in the book when they were seized
    assert len(filled) > 100 and set(filled) == {State.HEALTHY}


def test_a_dead_maker_quotes_no_more() -> None:
    model = market({"world.shocks": []})
    maker = model.makers[0]
    while not maker.positions.all():
        model.step()
    [account] = maker.accounts
    assert len(model.books.resting_orders(account)) > 0
    model.ledger.transfer(account, model.exchange.pool, maker.equity - 1)  # all its money but one unit is lost elsewhere
    model.step()
    # what it held was sold at a loss and a fee that one unit does not pay: bankrupt, closed, gone from the book
    assert maker.state == State.CLOSED
    for _ in range(5):
        assert (maker.equity, maker.positions.tolist()) == (0, [0, 0])
        assert len(model.books.resting_orders(account)) == 0
        model.step()
    other = model.makers[1]
    assert len(model.books.resting_orders(int(other.accounts[0]))) > 0


def test_funds_of_a_group_are_one_account_with_the_groups_share() -> None:
    names = ("BTC", "ETH", "SOL", "ADA")
    rules = {"fund_share": 0.01, "fund_scope": "group", "fund_groups": [["ETH", "ADA"]]}
    model = market({"assets": [asset(name) for name in names], "venues.main.clearing": rules})
    [house] = model.exchange.houses
    btc, eth, sol, ada = house.fund
    assert (btc == sol, eth == ada, btc == eth) == (True, True, False)  # those in no list share one
    # four assets of 1e6 open interest each, 1 % of it in the fund, half of that in each of two funds; 0.001 a cash unit
    assert model.ledger.cash[[btc, eth], 0].sum() == pytest.approx(40_000 * 1_000, rel=1e-2)
    assert model.ledger.cash[btc, 0] == pytest.approx(model.ledger.cash[eth, 0], rel=1e-2)
    assert model.ledger.cash[model.ledger.owner == model.ledger.owner[btc], 0].sum() == model.ledger.cash[[btc, eth], 0].sum()


def test_members_and_skin_open_with_their_shares_and_stand_behind_traders() -> None:
    rules = {
        "waterfall": ["member", {"kind": "skin_in_the_game", "share": 0.001}, "members_fund"],
        "members": {"count": 3, "capital_share": 0.11, "contribution_share": 0.011, "concentration": 1.0},
    }
    model = market({"venues.main.clearing": rules})
    [house] = model.exchange.houses
    cash, staff = model.ledger.cash[:, 0], house.staff
    interest = cash[staff.skin] / 0.001
    assert interest == pytest.approx(2e6 * 1_000, rel=1e-2)  # two assets of 1e6, 0.001 a cash unit
    assert cash[staff.members] == pytest.approx(interest * 0.11 * np.array([6, 3, 2]) / 11, rel=1e-4)
    assert cash[staff.contributions] == pytest.approx(interest * 0.011 * np.array([6, 3, 2]) / 11, rel=1e-4)
    guarantor = model.ledger.guarantor
    assert np.isin(guarantor[model.ledger.owner < len(model.exchange.traders.group)], [*staff.members, -1]).all()
    assert (guarantor[[*house.staff.keepers, *house.fund, *staff.members]] == -1).all()
    assert set(staff.members) == set(guarantor[guarantor >= 0])


def test_a_shared_wallet_moves_no_money_of_funds_and_makers() -> None:
    apart = {"venues.main.clearing.fund_scope": "instrument", "makers.common_capital": False, "makers.count": 2}
    model = market(apart | {"population.shared_wallet": True, "population.cross_share": 0.0, "world.shocks": []})
    [house] = model.exchange.houses
    makers = model.exchange.accounts.backing[model.desk.rows]
    before = model.ledger.cash[house.fund, 0].copy()
    model.exchange.sweep()
    assert model.ledger.cash[house.fund, 0].tolist() == before.tolist()
    assert (model.ledger.cash[makers, 0] > 0).all()


def test_a_market_without_anybody_stands_still() -> None:
    nobody = dict.fromkeys(("crowd", "pairs", "hedgers", "liquidity", "value", "trend", "arbitrage"), 0)
    records = played(world({"makers.count": 0, "assets.*.volatility_daily": 0.0, "world.shocks": []}, **nobody))
    assert (records.per_instrument["mark"] == 1_000).all()
    assert not any(records.per_instrument[name].any() for name in ("volume", "forced", "open_interest", "depth_bid"))
    assert len(records) == 60


def test_without_news_and_without_noise_nothing_moves() -> None:
    calm = world({"assets.*.volatility_daily": 0.0, "world.shocks": []}, liquidity=0, value=0, trend=0)
    records = played(calm)
    assert (records.per_instrument["mark"] == 1_000).all()
    assert not records.scalars["entered"].any()


def redenominated(factor: float) -> Scenario:
    """The same market told in units of money worth 1 / `factor`: every amount of money is `factor` times as large."""
    rich = {"price": 100.0 * factor, "tick": 0.1 * factor, "open_interest": 1e6 * factor}
    return world(
        {
            "assets": [asset("BTC", **rich), asset("ETH", **rich)],
            "money.cash_unit": 0.001 * factor,
            "venues.main.clearing.liquidation": {"kind": "fraction", "whole_below": 20_000.0 * factor},
            "world.shocks": [shock(-0.4)],
        }
    )


def test_the_name_of_the_money_does_not_matter() -> None:
    runs = [played(redenominated(factor)) for factor in (1.0, 8.0)]
    assert runs[0].per_instrument["forced"].any()
    assert fingerprint(runs[0]) == fingerprint(runs[1])


def test_ten_times_the_lot_is_ten_times_the_money_and_nothing_else() -> None:
    def sized(factor: float) -> Records:
        large = {"lot": factor, "open_interest": 1e6 * factor}
        return played(
            world(
                {
                    "assets": [asset("BTC", **large), asset("ETH", **large)],
                    "money.cash_unit": 0.001 * factor,
                    "venues.main.clearing.liquidation": {"kind": "whole"},
                    "world.shocks": [shock(-0.4)],
                }
            )
        )

    assert fingerprint(sized(1.0)) == fingerprint(sized(10.0))


def test_assets_in_another_order_are_the_same_assets() -> None:
    # an asset's own path is drawn by its row, so only what is stated is compared: the opening
    model, other = market(), market({"assets": [asset("ETH"), asset("BTC")]})
    for one in (model, other):
        assert one.ledger.position.sum(axis=0).tolist() == [0, 0]
        assert np.maximum(one.ledger.position, 0).sum(axis=0).tolist() == [10_000, 10_000]  # 1e6 over 100 a lot


def test_a_model_is_not_run_twice() -> None:
    model = market({"time.duration": 100.0})
    first = fingerprint(model.run())
    assert fingerprint(model.run()) == first  # at the end already: nothing more happens
    assert model.tick == 20


@pytest.mark.parametrize("seed", ["7", 7])
def test_the_seed_is_a_whole_number_however_it_is_given(seed: Any) -> None:
    model = CascadeModel(scenario=world({"time.duration": 50.0, "world.shocks": []}), rng=seed)
    assert model.streams.seed == 7
