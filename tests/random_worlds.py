"""Random markets for property tests: any rule of any room beside any other, in worlds of a few traders."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.small_worlds import asset, shock, token

NAMES = ("BTC", "ETH", "SOL")
Changes = dict[str, Any]


def pick(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


def drawn(draw: st.DrawFn, **choices: tuple[Any, ...]) -> Changes:
    return {name.replace("__", "."): draw(pick(*values)) for name, values in choices.items()}


GRIDS = pick("span", "deribit", "okx", "paradex")
TOOLS = pick("none", "buffer", "stressed", "lookback")
STATIC = st.one_of(  # margin rules that may stand alone or inside a dynamic one
    st.fixed_dictionaries({"kind": st.just("tiered"), "maintenance_share": pick(0.5, 1.0)}),
    st.just({"kind": "half_initial"}),
    st.fixed_dictionaries(
        {"kind": st.just("portfolio"), "grid": st.fixed_dictionaries({"kind": GRIDS}), "offset": pick(0.0, 0.5, 1.0)}
    ),
    st.fixed_dictionaries(
        {"kind": st.just("value_at_risk"), "half_life": pick(60.0, 1e6), "stressed_weight": pick(0.25, 0.0, 1.0)}
        | {"horizon": pick(3_600.0, 172_800.0)}
    ),
)
MARGINS = st.one_of(
    STATIC,
    STATIC,
    st.fixed_dictionaries(
        {"kind": st.just("dynamic"), "base": STATIC, "half_life": pick(20.0, 3_600.0), "scaling": pick(1.0, 2.0)}
        | {"fall_per_day": pick(1.0, 1e6), "floor": pick(1.0, 0.5), "tool": st.fixed_dictionaries({"kind": TOOLS})}
    ),
)
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
    """None, or one or two that are stable or follow BTC, with haircuts that stand or move."""
    return [draw(a_token(name)) for name in draw(pick((), (), ("USDE",), ("USDE", "WBTC")))]


@st.composite
def a_token(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """One token."""
    haircut = drawn(draw, rate=(0.05, 0.4), volatility_scaling=(0.0, 2.0), half_life=(10.0, 600.0))
    haircut["tiers"] = draw(pick([], [{"floor": 1_000.0, "rate": 0.9}]))
    choices = drawn(draw, open_interest=(2e5, 2e3), collateral_price=("book", "index", "redemption"))
    return token(name, haircut=haircut) | choices | draw(pick({}, {"tracks": "BTC"}))


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
        execution=("book", "book", "book", "outside_pool", "outside_pool_cuts"),
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
    rules["margin"] = draw(MARGINS)
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
    share = 1.0 / max(1, len(held))
    mix = {one["name"]: share * draw(pick(0.0, 0.5, 1.0)) for one in held}
    counts = drawn(
        draw,
        crowd=(20, 10, 1), pairs=(0, 5), hedgers=(2, 8), liquidity=(15, 5, 0), value=(0, 4), trend=(0, 3), arbitrage=(0, 3),
    )  # fmt: skip
    changes = drawn(
        draw,
        population__cross_share=(0.0, 0.5, 1.0, 1.0),
        population__universal_share=(0.0, 0.0, 0.5, 1.0),
        time__forced_orders=("last", "last", "interleaved"),
        population__unpooled=("none", "none", "equal_risk", "equal_money"),
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
        population__stops__share=(0.0, 0.0, 0.6),
        population__stops__trigger=("mark", "last"),
        population__stops__trader_share=(0.0, 0.0, 0.5),
        population__stops__trader_loss=(0.5, 0.1),
        population__hedgers__activity_per_hour=(0.5, 720.0),
        population__hedgers__leverage_max=(0.5, 5.0),
        population__dealers__count=(0, 0, 3),
        population__dealers__capital_share=(0.001, 0.02),
        population__dealers__gamma_share=(0.002, 0.05),
        population__dealers__side=("written", "held"),
        population__value__common_capital=(False, True),
        population__value__capital_share=(0.0, 0.15),
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
        "population.collateral": {"mix": mix, "holders": draw(pick(0.5, 1.0))},
    }
