"""Whole markets under every way of liquidating: money is conserved, limits and caps hold, and each shows in the run."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from abm.clearing.journal import EventKind
from abm.clearing.ledger import State
from abm.measures.losses import unallocated_loss
from abm.model import CascadeModel
from abm.records import Records
from tests.small_worlds import fingerprint, market, played, shock, world

POLICY, MARGIN = "venues.main.clearing.liquidation", "venues.main.clearing.margin"
PORTFOLIO = {"kind": "portfolio", "offset": 1.0, "grid": {"kind": "okx"}}
SLICING: dict[str, dict[str, Any]] = {
    "at once": {"kind": "at_once"},
    "participation": {"kind": "participation", "share": 0.2, "window": 30.0},
    "almgren chriss": {"kind": "almgren_chriss", "horizon": 60.0, "kappa": 0.05},
}
THROTTLE: dict[str, dict[str, Any]] = {
    "free": {"kind": "none"},
    "throttled": {"kind": "share_of_volume", "share": 0.1, "window": 30.0},
}
PRIORITIES = ("all_at_once", "largest_loss", "largest_margin", "most_liquid", "pro_rata", "least_impact")
LIMITS = ("share", "bankruptcy", "none")
KINDS = ("whole", "just_enough", "fraction")
# Each way of the others goes once with every kind
COMBINATIONS = [
    (kind, priority, slicing, throttle, limit)
    for kind, (n, (slicing, throttle)) in product(KINDS, enumerate(product(SLICING, THROTTLE)))
    for priority, limit in [(PRIORITIES[n], LIMITS[n % 3])]
]


def rule(kind: str = "whole", **changes: Any) -> dict[str, Any]:
    """A fall of a quarter at once, liquidated by `kind`."""
    return {POLICY: {"kind": kind, **changes}, "world.shocks": [shock(-0.2)], "population.crowd.leverage_median": 15.0}


def attended(model: CascadeModel) -> int:
    """Play a step and assert that whoever is below maintenance is sold for, or waits for a recorded reason; how many are."""
    model.advance_world(), model.fix_marks(), model.pay_funding(), model.check_margins(), model.quote(), model.trade()
    [house], ledger, price = model.exchange.houses, model.ledger, model.exchange.price
    rows = house.seized()
    worth = house.revalue(rows, price)
    weak = rows[(worth.collateral < worth.maintenance) & (worth.equity >= 0)]
    selling, step = house.selling, model.tick
    pausing = weak[step - selling.last_slice[weak] < selling.interval]
    model.liquidate()
    slices = model.engines[0].slices
    mine = slices is not None and len(rows) > 0
    sold = set(slices.accounts[slices.lots.any(axis=1)].tolist()) if mine and slices is not None else set()
    waiting = {entry.account for entry in house.journal.entries if entry.kind == EventKind.WAITED}
    policy = house.rules.liquidation
    since = (step - selling.first_slice[weak]) * model.step_seconds
    cooling = weak[(selling.first_slice[weak] >= 0) & (since < getattr(policy, "cooldown", 0.0))]
    assert set(weak.tolist()) <= sold | waiting | set(pausing.tolist()) | set(cooling.tolist())
    model.supervise(), model.record()  # asserts conservation
    assert not ledger.position[ledger.state == State.CLOSED].any()
    return len(weak)


def assert_below_maintenance_at_every_slice(records: Records) -> None:
    table = records.liquidations
    rounding = len(records.meta.assets)  # shares of a portfolio's requirement are rounded leg by leg
    assert (table["equity"] < table["maintenance"] + rounding).all()
    assert (np.abs(table["filled"]) <= np.abs(table["lots"])).all() and (table["filled"] * table["lots"] >= 0).all()


def assert_within_share(records: Records, share: float, steps: int) -> None:
    """Whenever a forced order was filled, all of the last `steps` together took no more than their share."""
    volume, forced = records.per_instrument["volume"], records.per_instrument["forced"]
    for last in range(1, len(records) + 1):
        window = slice(max(last - steps, 0), last)
        within = forced[window].sum(axis=0) <= np.maximum(1, share * volume[window].sum(axis=0))
        assert (within | (forced[last - 1] == 0)).all()
    assert forced.any()


@pytest.mark.parametrize(("kind", "priority", "slicing", "throttle", "limit"), COMBINATIONS)
@pytest.mark.parametrize("margin", ["tiered", "portfolio"])
def test_every_combination_conserves_and_leaves_nobody_alone(
    kind: str, priority: str, slicing: str, throttle: str, limit: str, margin: str
) -> None:
    changes = rule(kind, priority=priority, slicing=SLICING[slicing], throttle=THROTTLE[throttle], limit_price=limit)
    model = market(changes | {MARGIN: PORTFOLIO if margin == "portfolio" else {"kind": "tiered"}, "time.duration": 200.0})
    weak = sum(attended(model) for _ in range(model.scenario.time.steps))
    records = model.records()
    assert weak > 0 and len(records.liquidations) > 0
    assert unallocated_loss(records) == 0
    assert_below_maintenance_at_every_slice(records)


@pytest.mark.parametrize(
    "changes",
    [
        *({"priority": priority} for priority in PRIORITIES[1:4]),
        {"priority": "least_impact"},
        {"trigger": 0.7},
        {"slicing": SLICING["participation"]},
        {"slicing": SLICING["almgren chriss"]},
        {"throttle": THROTTLE["throttled"]},
        {"limit_price": "bankruptcy"},
        {"limit_price": "none"},
    ],
    ids=str,
)
def test_each_choice_shows_in_the_run(changes: dict[str, Any]) -> None:
    assert fingerprint(played(world(rule(**changes)))) != fingerprint(played(world(rule())))


def test_defaults_stated_are_defaults() -> None:
    stated = {"priority": "all_at_once", "trigger": 1.0, "limit_price": "share"}
    stated |= {"slicing": {"kind": "at_once"}, "throttle": {"kind": "none"}}
    assert fingerprint(played(world(rule(**stated)))) == fingerprint(played(world(rule())))


@pytest.mark.parametrize("name", ["slicing", "throttle"])
@pytest.mark.parametrize("step", [5.0, 2.5])
def test_forced_volume_stays_below_its_share_in_every_window(name: str, step: float) -> None:
    kind = {"slicing": "participation", "throttle": "share_of_volume"}[name]
    records = played(world(rule(**{name: {"kind": kind, "share": 0.1, "window": 30.0}}) | {"time.step_seconds": step}))
    assert_within_share(records, 0.1, round(30.0 / step))
    free = played(world(rule() | {"time.step_seconds": step}))
    assert 0 < records.per_instrument["forced"].sum() < free.per_instrument["forced"].sum()
    assert (records.events["kind"] == EventKind.WAITED).any() and not (free.events["kind"] == EventKind.WAITED).any()


def test_two_houses_share_the_room_of_an_instrument() -> None:
    # a prime house clears universal accounts on the same books as the venue's own house
    throttle = {"throttle": {"kind": "share_of_volume", "share": 0.1, "window": 30.0}}
    shared = {"population.universal_share": 0.5, "population.cross_share": 1.0}
    model = market(rule(**throttle) | shared, crowd=30)
    records = model.run()
    assert_within_share(records, 0.1, 6)
    assert set(model.ledger.house[records.liquidations["account"]].tolist()) == {0, 1}


def test_no_forced_fill_loses_more_than_the_account_had() -> None:
    for limit, sound in (("bankruptcy", True), ("none", False)):
        # a thin market in which a sale at any price goes far
        records = played(world(rule("whole", limit_price=limit, limit=1.0) | {"assets.*.maker_depth": 0.002}, crowd=30))
        table = records.liquidations
        loss = np.abs(table["mark_value"] - table["value"]) * np.where(
            (table["mark_value"] > table["value"]) == (table["lots"] < 0), 1, -1
        )
        fees = 0.005 + 0.0005  # liquidation and taker fee
        slice_, first, place = np.unique(table[["step", "account"]], return_index=True, return_inverse=True)
        spent = np.zeros(len(slice_))
        np.add.at(spent, place, loss + fees * table["value"])
        rounding = 100  # half a unit for each of two fees of every fill
        assert len(slice_) > 0
        assert (spent <= table["equity"][first] + rounding).all() == sound


def hedged_book(priority: str) -> CascadeModel:
    """Hedged pairs under a portfolio margin rule with full offset; both assets fall and one falls more."""
    fall = [shock(-0.10, assets=["BTC"]), shock(-0.02, name="less", assets=["ETH"])]
    changes = rule("just_enough", priority=priority, target=1.0) | {MARGIN: PORTFOLIO, "world.shocks": fall}
    changes |= {"population.cross_share": 1.0, "population.pairs.leverage_median": 40.0}
    return market(changes, crowd=0, pairs=20, hedgers=10)


def test_least_impact_keeps_hedges_together_longer() -> None:
    """Share of the slices of accounts that hold a hedge which leave one leg of it alone on the margin."""
    broken = {}
    for priority in ("largest_loss", "least_impact"):
        model = hedged_book(priority)
        one_leg = slices = 0
        while model.tick < model.scenario.time.steps:
            model.step()
            sold = model.engines[0].slices
            if sold is None or not len(sold.accounts):
                continue
            hedge = (sold.seized.position > 0).any(axis=1) & (sold.seized.position < 0).any(axis=1) & sold.lots.any(axis=1)
            left = sold.seized.position - sold.lots
            slices += int(hedge.sum())
            one_leg += int((hedge & ((left != 0).sum(axis=1) == 1)).sum())
            model.engines[0].slices = None
        broken[priority] = (one_leg, slices)
    assert broken["largest_loss"][1] > 0 and broken["least_impact"][1] > 0
    shares = {name: one_leg / slices for name, (one_leg, slices) in broken.items()}
    assert shares["least_impact"] < shares["largest_loss"]
