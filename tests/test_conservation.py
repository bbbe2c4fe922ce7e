"""Conservation: whatever happens in a market, not a unit of money and not a lot is made or lost, and no loss forgotten."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abm.clearing.journal import EventKind
from abm.clearing.ledger import Mode, State
from abm.measures.losses import unallocated_loss
from abm.measures.summary import summarise
from abm.model import CascadeModel
from abm.records import Records
from tests.small_worlds import asset, market, shock, token, world

NAMES = ("BTC", "ETH", "SOL")
Changes = dict[str, Any]


def pick(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


def drawn(draw: st.DrawFn, **choices: tuple[Any, ...]) -> Changes:
    return {name.replace("__", "."): draw(pick(*values)) for name, values in choices.items()}


PRIORITIES = pick("all_at_once", "largest_loss", "largest_margin", "most_liquid", "pro_rata", "least_impact")
SELLING = {  # of every policy that sells on the book
    "trigger": pick(1.0, 1.0, 0.6),
    "limit_price": pick("share", "share", "bankruptcy", "none"),
    "slicing": pick(
        {"kind": "at_once"},
        {"kind": "at_once"},
        {"kind": "participation", "share": 0.2, "window": 20.0},
        {"kind": "almgren_chriss", "horizon": 30.0},
    ),
    "throttle": pick({"kind": "none"}, {"kind": "none"}, {"kind": "share_of_volume", "share": 0.5, "window": 10.0}),
}
POLICIES = st.one_of(
    st.just({"kind": "none"}),
    st.fixed_dictionaries(
        {"kind": st.just("whole"), "order": pick("random", "worst_first"), "limit": pick(0.01, 1.0), "priority": PRIORITIES}
        | SELLING
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("just_enough"),
            "priority": PRIORITIES,
            "target": pick(1.0, 1.5),
            "interval": pick(5.0, 20.0),
        }
        | SELLING
    ),
    st.fixed_dictionaries(
        {"kind": st.just("fraction"), "whole_below": pick(0.0, 5e4, 1e9), "cooldown": pick(0.0, 30.0), "limit": pick(0.002, 0.02)}
        | {"priority": PRIORITIES}
        | SELLING
    ),
)  # fmt: skip


SALES = st.one_of(
    st.just({"kind": "discount"}),
    st.fixed_dictionaries(
        {
            "kind": st.just("auction"),
            "step": pick(0.005, 0.05),
            "step_seconds": pick(5.0, 20.0),
            "lots": pick("account", "position"),
            "on_book": pick(False, True),
        }
    ),
)
VAULTS = st.one_of(
    st.just({"kind": "none"}),
    st.fixed_dictionaries(
        {
            "kind": st.just("backstop"),
            "capital_share": pick(0.0, 0.01, 0.1),
            "trigger": pick(0.5, 1.0),
            "margin_kept": pick(1.0, 0.3),
            "leverage_max": pick(5.0, 50.0),
        }
    ),
)
HALTING = {
    "coordinated": st.booleans(),
    "orders": pick("refuse", "cancel_only", "pull"),
    "marks": pick("freeze", "follow"),
    "margin": pick("suspend", "continue"),
    "liquidation": pick("suspend", "continue"),
}
BREAKERS = st.one_of(
    st.just({"kind": "none"}),
    st.fixed_dictionaries(
        {"kind": st.just("luld"), "limit_state": pick(0.0, 15.0), "pause": pick(10.0, 30.0), "straddle": st.booleans()}
        | {"beyond": pick("reprice", "refuse"), "reopening": pick("open", "stale"), "width": pick(0.01, 0.1)}
        | HALTING
    ),
    st.fixed_dictionaries({"kind": st.just("rolling"), "halt": pick(10.0, 30.0), "window": pick(15.0, 60.0)} | HALTING),
    st.fixed_dictionaries({"kind": st.just("market_wide"), "halt": pick(10.0, 30.0), "first": pick(0.01, 0.07)} | HALTING),
)


@st.composite
def assets(draw: st.DrawFn) -> list[dict[str, Any]]:
    """One to three of them, from a handful of lots to a large market."""
    choices = {
        "volatility_daily": (0.0, 0.05, 0.5),
        "open_interest": (1e6, 1e5, 1e7, 300.0),
        "max_leverage": (20.0, 100.0, 2.0),
        "maker_depth": (0.01, 0.1),
    }
    return [asset(name, **drawn(draw, **choices)) for name in NAMES[: draw(st.integers(1, 3))]]


@st.composite
def tokens(draw: st.DrawFn) -> list[dict[str, Any]]:
    """None, or one that is stable or follows BTC, with haircuts that stand or move."""
    if draw(pick(True, True, False)):
        return []
    haircut = drawn(draw, rate=(0.05, 0.4), volatility_scaling=(0.0, 2.0), half_life=(10.0, 600.0))
    haircut["tiers"] = draw(pick([], [{"floor": 1_000.0, "rate": 0.9}]))
    return [
        token("USDE", haircut=haircut)
        | drawn(draw, open_interest=(2e5, 2e3), collateral_price=("book", "index", "redemption"))
        | draw(pick({}, {"tracks": "BTC"}))
    ]


@st.composite
def shocks(draw: st.DrawFn, names: list[str]) -> list[dict[str, Any]]:
    """None, or a fall or a rise of some assets, at once or built up."""
    if draw(st.integers(0, 9)) == 0:
        return []
    hit = draw(st.lists(pick(*names), min_size=1, unique=True))
    size = draw(pick(-0.6, -0.5, -0.3, -0.1, 0.3, 1.5))
    return [shock(size, assets=hit, **drawn(draw, at=(0.0, 10.0, 40.0), ramp=(0.0, 30.0)))]


@st.composite
def backers(draw: st.DrawFn) -> Changes:
    """Who bears losses: the default, any layers in any order, or with clearing members behind the accounts."""
    layers = draw(st.permutations(["fund", "adl", "skin_in_the_game", "gains_haircut", "socialise"]))[: draw(st.integers(0, 5))]
    count = draw(pick(0, 0, 1, 4))
    if not count:
        return draw(pick({}, {"waterfall": layers}))
    shares = drawn(draw, capital_share=(0.0, 0.005, 0.05), contribution_share=(0.0, 0.002, 0.02), concentration=(0.0, 1.0))
    sealed = {"kind": "sealed"}
    auction = draw(pick({"kind": "none"}, sealed | {"juniorise": True, "price": "first"}, sealed | {"leverage_max": 50.0}))
    order = draw(st.permutations(["member", "members_fund", "assessments", *layers]))
    return {"waterfall": order, "members": {"count": count, "auction": auction} | shares}


@st.composite
def clearing(draw: st.DrawFn) -> Changes:
    """Rules of one house."""
    rules = drawn(
        draw,
        gains_share=(1.0, 1.0, 0.5, 0.0),
        fund_share=(0.0, 0.002, 0.1),
        fund_scope=("house", "instrument", "group"),
        loss_scope=("house", "instrument"),
        deficit_by=("notional", "loss", "margin"),
        fee_rate=(0.0, 0.005, 0.1),
        execution=("book", "book", "book", "outside_pool"),
        adl=("industry", "industry", "none", "hyperliquid", "pro_rata_profit", "pro_rata_equity"),
        collateral=("sell", "positions_first", "fund"),
    )
    rules["keeper"] = drawn(
        draw,
        capital_share=(0.0, 0.01, 0.1), trigger=(0.67, 1.0, 1.0), discount=(0.0, 0.05), leverage_max=(5.0, 50.0),
        count=(1, 1, 3), capital_spread=(0.0, 1.0), discount_spread=(0.0, 0.5), inventory_premium=(0.0, 2.0),
    )  # fmt: skip
    rules["takeover"] = draw(SALES)
    rules["vault"] = draw(VAULTS)
    notice = drawn(draw, trigger=(1.25, 1.0, 3.0), target=(3.0,), deadline=(20.0, 0.0, 60.0), floor=(0.5, 0.0, 1.0))
    rules["calls"] = draw(pick({"kind": "none"}, {"kind": "notice"} | notice))
    rules["concentration"] = draw(
        pick({"kind": "none"}, {"kind": "addon", "threshold": 0.01}, {"kind": "addon", "threshold": 0.0, "scope": "all_venues"})
    )
    rules["margin"] = {"kind": "tiered"} | drawn(draw, maintenance_share=(0.5, 1.0))
    adl = {"kind": rules["adl"]} | ({} if rules["adl"] == "none" else drawn(draw, price=("bankruptcy", "mark")))
    groups = {"fund_groups": [["BTC"]]} if rules["fund_scope"] == "group" else {}
    return rules | {"adl": adl, "liquidation": draw(POLICIES)} | groups | draw(backers())


@st.composite
def venues(draw: st.DrawFn) -> list[dict[str, Any]]:
    """One venue, or two with rules of their own."""
    number = draw(pick(1, 1, 2))
    return [
        {"name": f"venue{row}", "share": 1.0 if number == 1 else (0.6, 0.4)[row], "clearing": draw(clearing())}
        | drawn(draw, maker_fee=(0.0, 0.001), marking=({"book_weight": 0.0}, {"book_weight": 0.9}, {"book_weight": 1.0}))
        | {"funding": drawn(draw, interval=(10.0, 3600.0), interest=(-0.01, 0.01)), "breaker": draw(BREAKERS)}
        for row in range(number)
    ]


@st.composite
def scenarios(draw: st.DrawFn) -> Changes:
    """What a small world is changed into: 5 to 60 traders, 20 steps."""
    perpetuals, held = draw(assets()), draw(tokens())
    listed = perpetuals + held
    mix = {"mix": {"USDE": draw(pick(0.0, 0.5, 1.0))}, "holders": draw(pick(0.5, 1.0))} if held else {}
    counts = drawn(
        draw,
        crowd=(20, 10, 1), pairs=(0, 5), hedgers=(2, 8), liquidity=(15, 5, 0), value=(0, 4), trend=(0, 3), arbitrage=(0, 3),
    )  # fmt: skip
    changes = drawn(
        draw,
        population__cross_share=(0.0, 0.5, 1.0, 1.0),
        population__universal_share=(0.0, 0.0, 0.5, 1.0),
        population__shared_wallet=(False, True),
        population__crowd__long_share=(1.0, 0.6, 0.0),
        population__crowd__leverage_median=(10.0, 100.0, 3.0),
        population__crowd__buffer_min=(0.0, 0.03),
        population__crowd__collateral_scale=(0.5, 1.0),
        population__crowd__sizing=("fixed", "equity"),
        population__crowd__activity_per_hour=(720.0,),
        population__crowd__deleverage_per_hour=(0.0, 720.0),
        population__crowd__reentry_per_hour=(0.0, 720.0),
        population__answer__reserve_share=(0.0, 0.05, 2.0),
        population__answer__response_delay=(10.0, 0.0, 40.0),
        population__answer__other_accounts=(False, True),
        population__answer__transfer_delay=(0.0, 15.0),
        population__answer__self_deleverage=(0.0, 0.5),
        population__hedgers__activity_per_hour=(0.5, 720.0),
        population__hedgers__leverage_max=(0.5, 5.0),
        population__value__common_capital=(False, True),
        population__value__capital_share=(0.0, 0.15),
        population__dealers__count=(0, 0, 3),
        population__dealers__capital_share=(0.001, 0.02),
        population__dealers__gamma_share=(0.002, 0.05),
        population__dealers__side=("written", "held"),
        makers__count=(1, 3, 0),
        makers__common_capital=(True, False),
        makers__capital_share=(0.03, 0.002, 0.0),
        makers__inventory_leverage=(10.0, 18.0),
    )
    return {
        "time.duration": 100.0,
        "assets": listed,
        "venues": draw(venues()),
        "world.fundamentals.correlation": draw(pick(0.0, 0.7)),
        "world.shocks": draw(shocks([one["name"] for one in listed])),
        **{f"population.{name}.count": number for name, number in counts.items()},
        **changes,
        "population.collateral": mix,
    }


def assert_sound(model: CascadeModel) -> None:
    """The laws that hold after every step."""
    ledger, books = model.ledger, model.books
    assert ledger.conservation() == {"cash_error": 0, "lots_error": 0}
    assert (ledger.position[:, ledger.instruments.is_spot] >= 0).all()  # tokens are never sold short
    closed = ledger.state == State.CLOSED
    assert not ledger.cash[closed].any()
    assert not ledger.position[closed].any()
    assert (ledger.cash[ledger.mode == Mode.WALLET] >= 0).all()
    bid, ask = books.best_bid, books.best_ask
    assert ((bid < ask) | (bid == 0) | (ask == 0)).all()
    seized = ledger.state >= State.LIQUIDATING
    funds = np.concatenate([house.fund for house in model.exchange.houses])
    assert not closed[funds].any()  # a house outlives its losses
    assert not books.open_buy[seized].any() and not books.open_sell[seized].any()
    assert unallocated_loss(model.records()) == 0
    assert ((model.marks.mark >= 1) & (model.marks.mark < model.instruments.ladder_ticks)).all()


def play_and_check(changes: Changes, seed: int) -> Records:
    model = CascadeModel(scenario=world(changes), rng=seed)
    while model.tick < model.scenario.time.steps:
        model.step()
        assert_sound(model)
    forced = model.records().liquidations
    assert (forced["equity"] < forced["maintenance"] + len(NAMES)).all()  # at every slice; margins are rounded leg by leg
    summary = summarise(model.records(), {})
    assert summary["conservation"] == {"cash_error": 0, "lots_error": 0}
    json.dumps(summary, allow_nan=False)
    model.forget()
    return model.records()


calm = settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))


@given(scenarios(), st.integers(0, 2**31))
@calm
def test_conservation_in_random_scenarios(changes: Changes, seed: int) -> None:
    play_and_check(changes, seed)


@pytest.mark.slow
@given(scenarios(), st.integers(0, 2**31))
@settings(calm, max_examples=300)
def test_conservation_in_many_random_scenarios(changes: Changes, seed: int) -> None:
    play_and_check(changes, seed)


def ruined(**more: Any) -> Changes:
    """BTC loses half its value at once, in a market of crowded longs with a keeper and hardly a fund."""
    rules = {"fund_share": 0.0, "keeper": {"capital_share": 0.05, "trigger": 1.0}, "liquidation": {"kind": "whole"}}
    return {
        "venues.main.clearing": rules,
        "world.shocks": [shock(-0.5, ramp=0.0)],
        "population.crowd.leverage_median": 20.0,
        "population.crowd.count": 25,
        "population.crowd.long_share": 1.0,
    } | more


# A slower fall of a quarter into books that take little: accounts are weak before they are bankrupt
SLOW = {"world.shocks": [shock(-0.25)], "venues.main.clearing.liquidation.limit": 0.002}
AUCTION = {"venues.main.clearing.takeover": {"kind": "auction", "step": 0.01}}
VAULT = {"venues.main.clearing.vault": {"kind": "backstop", "capital_share": 0.05, "trigger": 1.0}}

# Everybody is warned early, half cut, and reserves are as large as what is in the market
CALLED = {
    "venues.main.clearing.calls": {"kind": "notice", "trigger": 2.0, "target": 2.0, "deadline": 30.0},
    "population.answer": {"reserve_share": 1.0, "response_delay": 10.0, "self_deleverage": 0.5, "deleverage_seconds": 20.0},
}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        (ruined(), EventKind.ADL),
        (ruined(**{"venues.main.clearing.adl": "hyperliquid"}), EventKind.ADL),
        (ruined(**{"venues.main.clearing.adl": "pro_rata_profit"}), EventKind.ADL),
        (ruined(**{"venues.main.clearing.adl": "pro_rata_equity"}), EventKind.ADL),
        (ruined(**SLOW), EventKind.KEEPER_TAKEOVER),
        (ruined(**{"venues.main.clearing.adl": "none"}), EventKind.SOCIALISED),
        (ruined(**{"venues.main.clearing.adl": "none"}), EventKind.FUND_TAKEOVER),
        (ruined(**{"venues.main.clearing.fund_share": 0.2}), EventKind.FUND_TAKEOVER),
        (ruined(**SLOW, **AUCTION), EventKind.AUCTIONED),
        (ruined(**SLOW, **AUCTION, **{"venues.main.clearing.keeper.capital_share": 0.0}), EventKind.UNSOLD),
        (ruined(**SLOW, **VAULT), EventKind.VAULT_TAKEOVER),
        (ruined(**{"makers.count": 0}), EventKind.CLOSED),
        (ruined(**{"assets.*.volatility_daily": 0.0}), EventKind.CLOSED),
        (ruined(**SLOW, **{"venues.main.clearing.execution": "outside_pool"}), EventKind.RECOVERED),
        (ruined(**SLOW, **CALLED), EventKind.TOPPED_UP),
        (ruined(**SLOW, **CALLED), EventKind.CALL_MET),
    ],
    ids=lambda value: value.name.lower() if isinstance(value, EventKind) else "",
)
def test_conservation_where_it_happens(changes: Changes, kind: EventKind) -> None:
    assert (play_and_check(changes, seed=1).events["kind"] == kind).any()


def cleared(*layers: str, **members: float) -> Changes:
    """Four unequal members behind the accounts of a ruined market."""
    waterfall = ["member", "skin_in_the_game", "members_fund", "assessments", *layers]
    return ruined() | {
        "venues.main.clearing.waterfall": waterfall,
        "venues.main.clearing.members": {"count": 4, "concentration": 1.0} | members,
    }


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        (cleared("gains_haircut", capital_share=0.01, contribution_share=0.003), "SKIN_PAID CONTRIBUTED ASSESSED GAINS_HAIRCUT"),
        (cleared("socialise", capital_share=0.2, contribution_share=0.03), "MEMBER_AUCTIONED PORTED CONTRIBUTED"),
    ],
    ids=["all members fail", "some survive"],
)
def test_conservation_with_clearing_members(changes: Changes, kinds: str) -> None:
    told = {EventKind(kind).name for kind in play_and_check(changes, seed=1).events["kind"]}
    assert {"MEMBER_TAKEOVER", "MEMBER_PAID", "MEMBER_DEFAULT", *kinds.split()} <= told


def test_conservation_with_one_trader_and_his_counterparties() -> None:
    nobody = {f"population.{group}.count": 0 for group in ("pairs", "liquidity", "value", "trend")}
    records = play_and_check(ruined() | nobody | {"population.crowd.count": 1, "population.hedgers.count": 2}, seed=2)
    assert records.scalars["closed"].sum() >= 1


def test_conservation_where_a_house_has_nobody_left_to_pay() -> None:
    # the only clients of the prime house are ruined together: what they owe is the house's own loss
    nobody = {f"population.{group}.count": 0 for group in ("pairs", "liquidity", "value", "trend")}
    few = {"population.crowd.count": 6, "population.hedgers.count": 4, "population.universal_share": 0.2}
    model = CascadeModel(scenario=world(ruined() | nobody | few), rng=3)
    while model.tick < model.scenario.time.steps:
        model.step()
        assert_sound(model)
    own = [int(model.ledger.cash[house.staff.own, 0]) for house in model.exchange.houses]
    assert min(own) < 0


@pytest.mark.parametrize("who", ["keeper", "vault", "maker", "fund"])
def test_conservation_when_one_of_them_is_ruined(who: str) -> None:
    model = market({"world.shocks": [], "venues.main.clearing.keeper.capital_share": 0.05} | VAULT)
    for _ in range(5):
        model.step()
    [house] = model.exchange.houses
    own = {"keeper": house.staff.keepers, "vault": house.staff.vault, "fund": house.fund, "maker": model.makers[0].accounts}
    account = int(own[who][0])
    model.ledger.takeover(int(model.exchange.accounts.backing[0, 0]), account, 0, 200, 200 * int(model.exchange.price[0]))
    model.ledger.transfer(account, model.exchange.pool, int(model.ledger.equity(model.exchange.price)[account]) + 12_345)
    for _ in range(5):
        model.step()
        assert_sound(model)
    assert model.records().scalars["deficit"].sum() >= 12_345
    assert (model.ledger.state[account] == State.CLOSED) == (who != "fund")
