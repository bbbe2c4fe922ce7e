"""Agents: handles that read the ledger, and a user's own trader among the built-in ones."""

from __future__ import annotations

import numpy as np
import pytest

from abm.agents.liquidator import KeeperAgent, VenueLiquidator, immediate
from abm.agents.maker import Maker
from abm.agents.trader import Trader
from abm.behaviour.carry import Carry
from abm.behaviour.view import View
from abm.clearing.ledger import Mode, State
from abm.market.order import Kind, OrderBatch, Reason, no_orders, orders
from tests.small_worlds import COUNTS, market


class Buyer(Trader):
    """Buys one lot of BTC at the market in every step, and remembers what it saw."""

    seen: list[int]

    def act(self, view: View) -> OrderBatch:
        self.seen = [*getattr(self, "seen", []), view.step]
        return orders(trader=self.row, instrument=0, side=1, lots=1, kind=Kind.MARKET)


def test_every_trader_maker_and_liquidator_is_an_agent() -> None:
    model = market()
    kinds = {kind.__name__: len(agents) for kind, agents in model.agents_by_type.items()}
    assert kinds == {"Trader": sum(COUNTS.values()), "Maker": 2, "VenueLiquidator": 1, "KeeperAgent": 1}
    rows = [agent.row for agent in model.agents]
    assert len(set(rows)) == len(rows)


def test_an_agent_reads_its_money_and_positions_from_the_ledger() -> None:
    model = market({"population.cross_share": 1.0})
    trader = next(agent for agent in model.agents_by_type[Trader] if agent.group.name == "crowd")
    [account] = trader.accounts
    assert trader.equity == model.exchange.traders.collateral[trader.row]
    assert trader.positions.tolist() == model.ledger.position[account].tolist()
    model.ledger.takeover(account, model.exchange.pool, 0, 3, 3 * 1_000)
    assert trader.positions[0] == model.ledger.position[account, 0]
    model.ledger.transfer(account, model.exchange.pool, 17)
    lots = trader.positions
    # cash, and the lots at the opening price of 1,000 ticks
    assert trader.equity == model.ledger.cash[account, 0] + lots.sum() * 1_000 * int(model.instruments.unit[0])


def test_margin_ratio_is_equity_over_what_the_weakest_account_must_hold() -> None:
    model = market({"population.cross_share": 0.0})
    trader = next(a for a in model.agents_by_type[Trader] if a.group.name == "crowd" and np.count_nonzero(a.positions) > 1)
    accounts = model.exchange.accounts.backing[trader.row]
    value = np.abs(trader.positions) * model.exchange.price
    held = value > 0
    # maintenance is half of 1 / 20
    ratios = model.ledger.equity(model.exchange.price)[accounts][held] / (value[held] * 0.025)
    assert trader.margin_ratio == pytest.approx(ratios.min(), rel=1e-4)
    flat = next(a for a in model.agents_by_type[Trader] if a.group.name == "liquidity")
    assert flat.margin_ratio == float("inf")


def test_state_is_the_most_serious_of_its_accounts() -> None:
    model = market({"population.cross_share": 0.0})
    trader = model.agents_by_type[Trader][0]
    assert trader.state == State.HEALTHY
    model.ledger.state[trader.accounts[1]] = State.LIQUIDATING
    assert trader.state == State.LIQUIDATING
    assert {Mode(int(mode)) for mode in model.ledger.mode[trader.accounts]} == {Mode.ISOLATED, Mode.WALLET}


def test_the_strategy_is_the_record_of_the_group() -> None:
    model = market()
    crowd = [agent for agent in model.agents_by_type[Trader] if agent.group.name == "crowd"]
    assert len(crowd) == COUNTS["crowd"]
    assert isinstance(crowd[0].strategy, Carry)
    assert crowd[0].strategy is model.scenario.population.crowd


def test_a_users_own_trader_trades() -> None:
    model = market({"world.shocks": []})
    row = int(model.exchange.traders.rows("liquidity")[0])
    buyer = model.hand_over(row, Buyer)
    assert buyer.positions.tolist() == [0, 0]
    for _ in range(3):
        model.step()
    assert buyer.seen == [0, 1, 2]
    assert buyer.positions[0] == 3  # a lot a step, and nothing any more of what the group did
    assert buyer in model.agents_by_type[Buyer]
    assert len(model.agents_by_type[Trader]) == sum(COUNTS.values()) - 1


def test_a_users_own_trader_is_margined_like_everybody() -> None:
    class Whale(Trader):
        def act(self, view: View) -> OrderBatch:
            return orders(trader=self.row, instrument=0, side=1, lots=10**9, kind=Kind.MARKET)

    model = market({"world.shocks": []})
    whale = model.hand_over(int(model.exchange.traders.rows("liquidity")[0]), Whale)
    model.step()
    assert whale.positions.tolist() == [0, 0]
    assert model.records().scalars["refused"][0] >= 1


def test_a_whole_group_can_be_handed_over() -> None:
    model = market({"world.shocks": []}, trend=3)
    for row in model.exchange.traders.rows("trend"):
        model.hand_over(int(row), Buyer)
    model.step()
    assert [agent.positions[0] for agent in model.agents_by_type[Buyer]] == [1, 1, 1]


def test_a_trader_without_an_act_does_nothing() -> None:
    model = market()
    assert len(model.agents_by_type[Trader][0].act(model.view())) == len(no_orders())


def test_forced_orders_stay_within_their_limit_and_on_the_ladder() -> None:
    mark, ladder = np.array([1_000, 3_990]), np.array([4_000, 4_000])
    which, lots = np.array([0, 0, 1]), np.array([-5, 7, 7])
    batch = immediate(mark, 0.02, ladder=ladder, lots=lots, instrument=which, trader=0, reason=Reason.FORCED)
    # sells no lower than 980, buys no higher than 1,020; 3,990 x 1.02 lies beyond the ladder, whose last tick is 3,999
    assert batch["tick"].tolist() == [980, 1_020, 3_999]
    assert batch["lots"].tolist() == [5, 7, 7]
    assert batch["side"].tolist() == [-1, 1, 1]
    assert set(batch["kind"].tolist()) == {Kind.IOC}
    unlimited = immediate(mark, 1.0, ladder=ladder, lots=lots, instrument=which, trader=0)
    assert set(unlimited["kind"].tolist()) == {Kind.MARKET}


def test_liquidators_and_makers_have_rows_of_their_own() -> None:
    model = market()
    [engine], [keeper] = model.agents_by_type[VenueLiquidator], model.agents_by_type[KeeperAgent]
    house = model.exchange.houses[0]
    assert set(engine.accounts) == set(house.fund) and list(keeper.accounts) == [keeper.account] == house.staff.keepers.tolist()
    # two per mille of one-sided open interest of 2 x 1,000,000
    assert keeper.equity * model.scenario.money.cash_unit == pytest.approx(4_000.0, rel=1e-3)
    makers = model.agents_by_type[Maker]
    assert sum(maker.equity for maker in makers) == model.records().meta.opening_maker_equity
    assert not any(maker.withdrawn for maker in makers)
