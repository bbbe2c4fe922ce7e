"""A parameter that changes nothing is a bug: each one is moved in a world where everything happens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import pytest

from abm.model import CascadeModel
from abm.scenario import Scenario
from abm.scenario.errors import ScenarioError
from abm.scenario.parameters import Parameter, parameters
from tests.small_worlds import asset, fingerprint, shock, token, world

# What may change nothing in a run, and why; `*` stands for the name of a list member
SILENT = {
    "name": "a label",
    "question": "a label",
    "time.burn_in": "the window of a measure",
    "money.currency": "a label",
    "assets.*.name": "a label",
    "venues.*.name": "a label",
    "world.shocks.*.name": "a label",
    "world.shocks.*.assets": "names; tests of shocks and twins",
    "venues.*.share": "shares sum to 1, so one alone cannot move; the worlds below differ in them",
    "venues.*.clearing.margin[tiered].brackets": "a table; tests of tiered margin and of the house",
    "venues.*.clearing.fund_groups": "a table; tests of the opening",
    "venues.*.clearing.margin[tiered].brackets_file": "absent here; tests of tables and of scenarios with them",
    "venues.*.clearing.margin[tiered].contracts": "names; tests of tables",
    "world.fundamentals.floor": "a bound that a value reaches after losing 99 %; tests of fundamentals",
    "population.book": "absent here, its files are; tests of the book",
    "assets.*.form": "decides which other keys make sense; tests of tokens",
    "assets.*.tracks": "a name; tests of tokens",
    "population.collateral.mix": "a table; tests of tokens",
    "record.genealogy": "what is looked back from; tests of lineage",
    "record.parents_max": "the same",
    "world.path": "absent here; tests of the path and of replay",
}
LAYERS = ["member", "skin_in_the_game", "members_fund", "assessments", "gains_haircut", "socialise"]
JUNIORISED = {"kind": "sealed", "juniorise": True}
LOOKS = (1, 6, 12, 20, 35, 60)  # steps of a run after which its records are looked at
HOMES = {  # worlds to look at first: in the others nobody has what these parameters are about
    "assets.*.haircut": "tokens",
    "assets.*.collateral_price": "tokens",
    "population.collateral": "tokens",
    "venues.*.clearing.collateral": "tokens",
    "venues.*.clearing.members": "members",
    "venues.*.clearing.keeper": "auction",
    "population.answer": "calls",
    "population.stops": "stops",
}
LISTS = ("assets", "venues", "world.shocks")
BREAKERS: tuple[dict[str, Any], ...] = (
    {"kind": "luld", "width": 0.03, "window": 30.0, "limit_state": 5.0, "pause": 30.0, "marks": "follow"},
    {"kind": "rolling", "window": 60.0, "halt": 60.0, "marks": "follow", "margin": "continue"},
    {"kind": "market_wide", "first": 0.06, "third": 0.4, "halt": 20.0, "marks": "follow"},
)


def venue(name: str, share: float, **clearing: Any) -> dict[str, Any]:
    """A venue with money in its fund and its keeper, funding every minute and gains that count in part."""
    rules = {"fund_share": 0.002, "gains_share": 0.9, "keeper": {"capital_share": 0.02, "trigger": 1.0}} | clearing
    return {"name": name, "share": share, "maker_fee": 0.0001, "funding": {"interval": 60.0}, "clearing": rules}


def stirred(*venues: dict[str, Any], **changes: Any) -> Scenario:
    """Everybody is there and everything happens: margin modes side by side, defaults, takeovers, ADL, arbitrage."""
    jumps = {"jump_rate": 2_000.0, "jump_mean": -0.01, "jump_sd": 0.01, "jump_common_share": 0.3}
    start = {
        "time.duration": 300.0,
        "assets": [asset("BTC", volatility_daily=0.2), asset("ETH", volatility_daily=0.2)],
        "venues": list(venues),
        "world.shocks": [shock(-0.5, recovery=60.0)],
        "world.fundamentals": {"correlation": 0.5, "transmission": 0.3, "reversion": 600.0} | jumps,
        "population.cross_share": 0.7,
        "population.universal_share": 0.3,
        "population.shared_wallet": True,
        "population.crowd.sizing": "equity",
        "population.crowd.activity_per_hour": 60.0,
        "population.crowd.deleverage_per_hour": 60.0,
        "population.crowd.reentry_per_hour": 60.0,
        "population.pairs.activity_per_hour": 120.0,
        "population.hedgers.activity_per_hour": 30.0,
        "population.arbitrage.transfer_seconds": 60.0,
        "makers.count": 3,
        "makers.capital_share": 0.01,
    }
    return world(
        start | {key.replace("__", "."): value for key, value in changes.items()},
        crowd=30, pairs=10, hedgers=8, liquidity=20, value=8, trend=10, arbitrage=6,
    )  # fmt: skip


WORLDS = {
    "two venues": stirred(
        venue("alpha", 0.6, liquidation={"kind": "just_enough"}, fund_scope="instrument"),
        venue("beta", 0.4, liquidation={"kind": "fraction", "whole_below": 1_000.0, "cooldown": 15.0}, loss_scope="instrument"),
    ),
    "whole": stirred(venue("main", 1.0, liquidation={"kind": "whole"}, deficit_by="loss", adl={"kind": "none"})),
    "just enough": stirred(venue("main", 1.0, liquidation={"kind": "just_enough"})),
    "calls": stirred(
        venue("main", 1.0, calls={"kind": "notice", "deadline": 60.0}),
        population__answer={"reserve_share": 0.1, "top_up_share": 0.7, "response_delay": 30.0, "other_accounts": True,
                            "transfer_delay": 20.0, "self_deleverage": 0.5, "deleverage_seconds": 60.0},
    ),  # fmt: skip
    "paced": stirred(
        venue("main", 1.0, liquidation={"kind": "whole", "slicing": {"kind": "participation"}, "limit_price": "bankruptcy"})
    ),
    "scheduled": stirred(
        venue("alpha", 0.5, liquidation={"kind": "whole", "slicing": {"kind": "almgren_chriss", "horizon": 60.0}}),
        venue("beta", 0.5, liquidation={"kind": "just_enough", "throttle": {"kind": "share_of_volume"}}),
    ),
    "auction": stirred(
        venue(
            "main",
            1.0,
            liquidation={"kind": "whole", "limit": 0.002},
            keeper={"count": 3, "capital_share": 0.05, "trigger": 1.0, "discount": 0.002, "leverage_max": 10.0}
            | {"capital_spread": 0.5, "discount_spread": 0.5, "inventory_premium": 1.0},
            takeover={"kind": "auction", "step": 0.001, "step_seconds": 10.0, "reserve": 0.003},
            vault={"kind": "backstop", "capital_share": 0.02, "trigger": 0.5, "margin_kept": 0.5},
        ),
        world__shocks=[shock(-0.2, ramp=120.0)],
        population__cross_share=1.0,
    ),
    **{
        breaker["kind"]: stirred(
            venue("alpha", 0.6, liquidation={"kind": "just_enough"}) | {"marking": {"book_weight": 0.3}, "breaker": breaker},
            venue("beta", 0.4),
            assets__ETH__open_interest=3e5,
        )
        for breaker in BREAKERS
    },
    "members": stirred(
        venue(
            "main",
            1.0,
            waterfall=LAYERS,
            members={"count": 6, "capital_share": 0.05, "contribution_share": 0.003, "auction": JUNIORISED},
            fund_scope="group",
            fund_groups=[["ETH"]],
        )
    ),
    "hyperliquid": stirred(venue("main", 1.0, adl={"kind": "hyperliquid"})),
    "by profit": stirred(venue("main", 1.0, adl={"kind": "pro_rata_profit"})),
    "by equity": stirred(venue("main", 1.0, adl={"kind": "pro_rata_equity"})),
    "concentrated": stirred(
        venue("alpha", 0.6, concentration={"kind": "addon", "threshold": 0.02}),
        venue("beta", 0.4, concentration={"kind": "addon", "threshold": 0.02, "scope": "all_venues"}),
    ),
    "stops": stirred(
        venue("main", 1.0, liquidation={"kind": "whole"}),
        population__stops={"share": 0.4, "trader_share": 0.3, "nearest": 0.2, "farthest": 0.6, "trader_loss": 0.4, "limit": 0.05},
        world__shocks=[shock(-0.3, ramp=120.0)],
    ),
    "dealers": stirred(
        venue("main", 1.0, liquidation={"kind": "whole"}),
        population__dealers={"count": 3, "capital_share": 0.01, "gamma_share": 0.005, "expiry_days": 0.002},
    ),
    "tokens": stirred(
        venue("main", 1.0, liquidation={"kind": "whole"}),
        assets=[
            asset("BTC", volatility_daily=0.2),
            asset("ETH", volatility_daily=0.2),
            token("USDE", haircut={"rate": 0.2, "volatility_scaling": 1.0, "half_life": 60.0, "calm_volatility": 0.3}),
        ],
        population__collateral={"holders": 0.8, "mix": {"USDE": 0.9}},
    ),
}


def others(parameter: Parameter) -> Iterator[Any]:
    """Other values that the parameter might take, near and far."""
    value = parameter.value
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value * 2, value + 2, value // 2, value + 10, 0)
    elif isinstance(value, float):
        yield from (value * 2, value / 2, value * 10, value / 10, 0.0, 0.01, 0.5, 1.0, value + 50.0, -value)
    elif isinstance(value, str):
        yield from (choice for choice in parameter.bounds.split(" | ") if choice != value)


def passes(scenario: Scenario) -> Iterator[tuple[str, bytes]]:
    """What was recorded, looked at now and then while a world runs: equal runs say the same."""
    model = CascadeModel(scenario=scenario, rng=1)
    for tick in range(model.scenario.time.steps):
        model.step()
        if tick + 1 in LOOKS:
            yield fingerprint(model.records()), model.records().lineage.tobytes()
    model.forget()


def changed(scenario: Scenario, parameter: Parameter, was: Sequence[tuple[str, bytes]]) -> bool:
    """Whether some other value of the parameter changes anything that is recorded; told as soon as it does."""
    for value in others(parameter):
        try:
            other = scenario.with_({parameter.name: value})
        except ScenarioError:
            continue  # out of its bounds
        if other != scenario and any(now != then for now, then in zip_longest(passes(other), was)):
            return True
    return False


def common(scenario: Scenario, name: str) -> str:
    """The parameter's name whatever the list member, with the kind of each rule it belongs to: what it is, not where."""
    kinds = {parameter.name: parameter.value for parameter in parameters(scenario)}
    parts, plain = name.split("."), []
    for place, part in enumerate(parts):
        path = ".".join(parts[:place])
        kind = kinds.get(".".join(parts[: place + 1])) if place + 1 < len(parts) else None
        plain.append("*" if path in LISTS else f"{part}[{kind}]" if kind else part)
    return ".".join(plain)


def home_first(key: str, places: list[tuple[str, Parameter]]) -> list[tuple[str, Parameter]]:
    """The places of a parameter, those in the world that is about it before all others, its last asset first."""
    home = next((world for prefix, world in HOMES.items() if key.startswith(prefix)), "")
    return sorted(reversed(places), key=lambda place: place[0] != home)


@pytest.mark.slow
def test_every_parameter_changes_something_somewhere() -> None:
    base = {name: list(passes(scenario)) for name, scenario in WORLDS.items()}
    asked: dict[str, list[tuple[str, Parameter]]] = {}
    for name, scenario in WORLDS.items():
        for parameter in parameters(scenario):
            asked.setdefault(common(scenario, parameter.name), []).append((name, parameter))
    dead = [
        key
        for key, places in asked.items()
        if key not in SILENT
        and not any(changed(WORLDS[name], parameter, base[name]) for name, parameter in home_first(key, places))
    ]
    assert dead == []
    assert set(SILENT) <= set(asked)  # an exception that names nothing is out of date
