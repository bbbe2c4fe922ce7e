"""Tokens in the whole simulator: who holds them, what their price source decides, and that they leak nowhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abm.clearing.ledger import Mode
from abm.market.order import Outcome, orders
from abm.model import CascadeModel
from abm.scenario import Scenario
from abm.scenario.errors import ScenarioError
from abm.twins import twin
from tests.small_worlds import asset, fingerprint, market, played, shock, token, world

USDE = 2
HALF = {"population.collateral.mix": {"USDE": 0.5}}


def tokens(changes: dict[str, Any] | None = None, **own: Any) -> dict[str, Any]:
    """BTC, ETH and a thinly traded token that is half of everybody's collateral; BTC falls by a quarter."""
    own = {"open_interest": 5e4, "volatility_daily": 0.0} | own
    return {"assets": [asset("BTC"), asset("ETH"), token("USDE", **own)], "population.crowd.leverage_median": 10.0, **HALF} | (
        changes or {}
    )


def ended(changes: dict[str, Any], seed: int = 1) -> CascadeModel:
    model = market(changes, seed, crowd=40)
    model.run()
    return model


# Who holds them


def test_holders_of_perpetuals_hold_half_their_collateral_in_tokens() -> None:
    model = market(tokens())
    table, ledger = model.exchange.traders, model.ledger
    for name in ("crowd", "pairs", "hedgers"):
        for row in table.rows(name):
            lots = int(model.positions(np.array([row]))[0, USDE])
            # tokens of 1,000 cash units each, rounded down
            assert lots == (table.collateral[row] // 2) // 1_000 if table.opening[row].any() else lots == 0
            assert ledger.owner[ledger.position[:, USDE] == lots].size
    assert ledger.issued[USDE] == ledger.position[:, USDE].sum() > 0 == ledger.issued[:USDE].sum()


def test_traders_of_the_token_open_with_an_inventory_that_looks_flat() -> None:
    model = market(tokens())
    makers = model.exchange.traders.rows("makers")
    assert (model.positions(makers)[:, USDE] == model.exchange.traders.limit[makers, USDE]).all()
    assert (model.positions(makers)[:, USDE] > 0).all()
    assert not model.view().position(np.arange(len(model.exchange.traders.group))).T[USDE].any()
    model.step()
    assert model.books.best_bid[USDE] > 0 and model.books.best_ask[USDE] > 0  # they quote both sides


def test_a_share_of_traders_holds_none() -> None:
    some, everybody = market(tokens({"population.collateral.holders": 0.5})), market(tokens())
    crowd = some.exchange.traders.rows("crowd")
    held, all_held = (model.positions(crowd)[:, USDE] for model in (some, everybody))
    assert 0 < np.count_nonzero(held) < np.count_nonzero(all_held)
    assert (all_held[held > 0] == held[held > 0]).all()  # who holds holds the same


def test_the_isolated_twin_has_the_same_worth_in_currency_and_the_pool_has_its_tokens() -> None:
    scenario = world(tokens())
    pooled, apart = (CascadeModel(scenario=one, rng=3) for one in (scenario, twin(scenario, "isolated")))
    rows = np.arange(len(pooled.exchange.traders.group))
    assert np.array_equal(pooled.equity(rows), apart.equity(rows))
    assert np.array_equal(pooled.positions(rows)[:, :USDE], apart.positions(rows)[:, :USDE])
    assert np.array_equal(pooled.ledger.issued, apart.ledger.issued)
    crowd = pooled.exchange.traders.rows("crowd")
    assert not apart.positions(crowd)[:, USDE].any() and pooled.positions(crowd)[:, USDE].any()
    # what the pool holds now is what the others held
    moved = (pooled.positions(rows) - apart.positions(rows))[:, USDE].sum()
    assert apart.ledger.position[apart.exchange.pool, USDE] == moved > 0 == pooled.ledger.position[pooled.exchange.pool, USDE]
    assert apart.ledger.mode[apart.exchange.pool] == Mode.HOUSE


def test_two_venues_hold_each_their_own() -> None:
    two = {"venues": [{"name": "alpha", "share": 0.6}, {"name": "beta", "share": 0.4}], "population.universal_share": 0.5}
    model = market(tokens(two))
    assert model.instruments.spot == (2, 5)
    assert (model.ledger.issued[[2, 5]] > 0).all()
    model.run()
    assert model.ledger.conservation() == {"cash_error": 0, "lots_error": 0}


def test_agents_send_no_order_for_tokens_they_do_not_hold() -> None:
    model = market(tokens({"population.value.activity_per_hour": 720.0, "population.value.discount_max": 0.03}))
    refused: list[int] = []
    admit = model.exchange.admit

    def counted(batch: Any) -> Any:
        admission = admit(batch)
        refused.append(int((admission.outcome == Outcome.NOT_HELD).sum()))
        return admission

    model.exchange.admit = counted  # type: ignore[method-assign]
    model.run()
    assert sum(refused) == 0
    makers = model.exchange.traders.rows("makers")
    assert model.positions(makers)[:, USDE].tolist() != model.exchange.traders.limit[makers, USDE].tolist()  # they did trade


def test_what_was_sold_of_an_inventory_is_bought_back() -> None:
    model = market(tokens())
    row = int(model.exchange.traders.rows("value")[0])
    account = int(model.exchange.accounts.backing[row, USDE])
    batch = orders(trader=row, account=account, instrument=USDE, side=1, lots=3, tick=990, reduce_only=1)
    assert model.exchange.admit(batch).outcome.tolist() == [Outcome.ACCEPTED]  # a short perpetual would be needed otherwise
    perpetual = orders(trader=row, account=account, instrument=0, side=1, lots=3, tick=990, reduce_only=1)
    assert model.exchange.admit(perpetual).outcome.tolist() == [Outcome.NOTHING_TO_REDUCE]


# What happens to them


def test_forced_sales_of_tokens_press_their_own_book() -> None:
    model = ended(tokens())
    records = model.records()
    assert records.per_instrument["forced"][:, USDE].sum() > 0
    assert records.per_instrument["last"][:, USDE].min() < 950  # of 1,000 ticks; its outside value never moved
    assert (records.per_instrument["value"][:, USDE] == 1_000).all()
    kept = ended(tokens({"venues.main.clearing.liquidation": "none"})).records()
    assert kept.per_instrument["last"][:, USDE].min() > 950


def test_the_price_source_decides_what_they_count_for() -> None:
    runs = {source: ended(tokens(collateral_price=source)) for source in ("book", "index", "redemption")}
    assert len({fingerprint(run.records()) for run in runs.values()}) == 3
    marks = {source: run.records().per_instrument["mark"][:, USDE] for source, run in runs.items()}
    assert (marks["redemption"] == 1_000).all()
    assert marks["book"].min() < 970


def test_tokens_are_not_open_interest_and_earn_no_funding() -> None:
    model = market(tokens({"venues.main.funding.interval": 5.0, "world.shocks": []}))
    before = model.ledger.cash[:, 0].copy()
    for i in range(2):
        model.ledger.position[:, i] = 0  # only tokens are left
    model.exchange.pay_funding()
    assert np.array_equal(model.ledger.cash[:, 0], before)
    records = ended(tokens()).records()
    assert not records.per_instrument["open_interest"][:, USDE].any()
    assert records.meta.opening_open_interest[USDE] == 0


def test_nobody_is_auto_deleveraged_in_a_token() -> None:
    records = ended(tokens({"venues.main.clearing.fund_share": 0.0, "world.shocks": [shock(-0.5, ramp=0.0)]})).records()
    assert records.per_instrument["adl"][:, :USDE].sum() > 0
    assert not records.per_instrument["adl"][:, USDE].any()


@pytest.mark.parametrize("policy", ["positions_first", "fund"])
def test_the_house_may_keep_them_from_the_book(policy: str) -> None:
    rules = {"venues.main.clearing.collateral": policy, "venues.main.clearing.fund_share": 0.1}
    held, sold = (ended(tokens(rules | more)).records() for more in ({}, {"venues.main.clearing.collateral": "sell"}))
    assert held.per_instrument["forced"][:, USDE].sum() < sold.per_instrument["forced"][:, USDE].sum()


def test_a_depeg_seizes_accounts_although_no_perpetual_moved() -> None:
    # at leverage 10 and more, a tenth of gross or less; of 0.10 all in tokens, 0.02 is left against 0.025
    depeg = {"world.shocks": [shock(-0.8, assets=["USDE"])], "assets.*.volatility_daily": 0.0}
    entered = {
        share: ended(tokens(depeg | {"population.collateral.mix": {"USDE": share}})).records().scalars["entered"].sum()
        for share in (0.0, 1.0)
    }
    assert entered[0.0] == 0 < entered[1.0]


@pytest.mark.parametrize(
    "rule", [{"kind": "portfolio"}, {"kind": "value_at_risk"}, {"kind": "dynamic", "half_life": 60.0}, {"kind": "half_initial"}]
)
def test_other_margin_rules_see_the_perpetuals_and_add_the_haircut(rule: dict[str, Any]) -> None:
    model = market(tokens({"venues.*.clearing.margin": rule}, haircut={"rate": 0.25}))
    for _ in range(10):
        model.step()
    exchange, house = model.exchange, model.exchange.houses[0]
    rows, position = house.accounts, model.ledger.position[house.accounts]
    margin = model.scenario.venues[0].clearing.margin
    perpetuals = np.asfortranarray(position[:, :USDE])
    if house.margin_state is None:
        asked = margin.requirement(perpetuals, exchange.price[:USDE], type(exchange.brackets)(*[
            table[:, :USDE] if table.ndim > 1 else table for table in exchange.brackets])).maintenance  # fmt: skip
    else:
        asked = margin.requirement(perpetuals, exchange.price[:USDE], house.margin_state).maintenance
    haircut = np.rint(0.25 * position[:, USDE] * exchange.price[USDE]).astype(np.int64)
    np.testing.assert_array_equal(exchange.revalue().maintenance[rows], asked + haircut)
    assert haircut.any()


# What they leave alone


def test_the_null_control_holds_with_tokens_in_the_market() -> None:
    null = Scenario.load("null").with_(
        {
            "time.duration": 240.0,
            "time.burn_in": 25.0,
            "world.shocks.eth.at": 30.0,
            "world.shocks.eth.ramp": 60.0,
            "assets": [
                asset("BTC", open_interest=5e6), asset("ETH", open_interest=5e6), token("USDE", open_interest=1e6)
            ],
            "population.crowd.count": 60,
            "population.hedgers.count": 20,
            "population.collateral.mix": {"USDE": 0.5},
        }
    )  # fmt: skip
    run, quiet = played(null), played(twin(null, "no_shock"))
    assert run.scalars["entered"].sum() > 0
    for name, column in run.per_instrument.items():
        assert np.array_equal(column[:, [0, USDE]], quiet.per_instrument[name][:, [0, USDE]]), name
    cross = null.with_({"population.cross_share": 1.0})
    run, quiet = played(cross), played(twin(cross, "no_shock"))
    assert not np.array_equal(run.per_instrument["mark"][:, USDE], quiet.per_instrument["mark"][:, USDE])


# What is refused


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"population.collateral.mix": {"USDT": 0.5}}, "mix names 'USDT', not a token; did you mean 'USDE'"),
        ({"population.collateral.mix": {"BTC": 0.5}}, "names 'BTC', not a token"),
        ({"population.collateral.mix": {"USDE": 1.5}}, "population.collateral.mix"),
        ({"assets.USDE.max_leverage": 20.0}, "max_leverage must be 1 for a token"),
        ({"assets.USDE.tracks": "USDE"}, "assets.USDE.tracks must name a perpetual, was 'USDE'"),
        ({"assets.BTC.tracks": "ETH"}, "tracks is for tokens"),
        ({"assets.USDE.haircut.half_life": 1.0}, "assets.USDE.haircut.half_life must be at least one step"),
        ({"venues.main.clearing.margin.brackets": {"USDE": [{"floor": 0.0, "initial_rate": 0.1, "maintenance_rate": 0.1}]}},
         "set assets.USDE.haircut instead"),
    ],
)  # fmt: skip
def test_mistakes_about_tokens_are_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        world(tokens()).with_(changes)


def test_a_market_of_tokens_alone_is_refused() -> None:
    with pytest.raises(ScenarioError, match="at least one must be a perpetual"):
        world({"assets": [token("USDE")], "world.shocks": []})
