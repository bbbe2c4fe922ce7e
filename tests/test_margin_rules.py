"""The simulation margins and liquidates by every margin rule: nobody is left below it, and money is conserved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abm.clearing.ledger import State
from abm.clearing.liquidation import Whole
from abm.clearing.margin.portfolio import Portfolio
from abm.clearing.margin.rule import opened
from abm.clearing.margin.terms import Terms
from abm.clearing.rulebook import Clearing
from abm.scenario.errors import ScenarioError
from tests.clearing.house_desk import Desk
from tests.small_worlds import fingerprint, market, played, world

MARGIN = "venues.*.clearing.margin"
RULES: dict[str, Any] = {
    "half_initial": {"kind": "half_initial"},
    "portfolio": {"kind": "portfolio", "offset": 0.5, "grid": {"kind": "okx"}},
    "value_at_risk": {"kind": "value_at_risk", "half_life": 600.0},
    "dynamic": {"kind": "dynamic", "half_life": 60.0, "tool": {"kind": "buffer"}},
    "dynamic portfolio": {"kind": "dynamic", "base": {"kind": "portfolio", "grid": {"kind": "paradex"}}},
}


@pytest.mark.parametrize("name", RULES)
def test_accounts_are_judged_by_the_rule_of_their_house(name: str) -> None:
    model = market({MARGIN: RULES[name]})
    rule = model.scenario.venues[0].clearing.margin
    for _ in range(20):
        model.step()  # asserts conservation
    exchange, house = model.exchange, model.exchange.houses[0]
    state = house.margin_state if house.margin_state is not None else exchange.brackets
    rows = house.accounts
    expected = rule.requirement(model.ledger.position[rows], exchange.price, state).maintenance
    np.testing.assert_array_equal(exchange.revalue().maintenance[rows], expected)
    np.testing.assert_array_equal(house.revalue(rows, exchange.price).maintenance, expected)


@pytest.mark.parametrize("name", RULES)
def test_below_maintenance_is_in_liquidation(name: str) -> None:
    model = market({MARGIN: RULES[name]})
    seized = 0
    while model.tick < model.scenario.time.steps:
        model.step()
        if model.tick < model.scenario.time.steps:
            model.advance_world(), model.fix_marks(), model.pay_funding(), model.check_margins()
            rows = model.exchange.houses[0].accounts
            short = model.worth.collateral[rows] < model.worth.maintenance[rows]
            assert (model.ledger.state[rows][short] != State.HEALTHY).all()
            seized += int(short.sum())
            model.quote(), model.trade(), model.liquidate(), model.supervise(), model.record()
    assert seized > 0  # the fall by a quarter breaches somebody under every rule


def test_half_initial_is_the_tiered_rule_without_brackets() -> None:
    assert fingerprint(played(world({MARGIN: "half_initial"}))) == fingerprint(played(world()))


def test_a_multiple_that_never_moves_changes_nothing_but_is_a_rule_of_its_own() -> None:
    still = {"kind": "dynamic", "floor": 1.0, "cap": 1.0}
    assert fingerprint(played(world({MARGIN: still}))) == fingerprint(played(world()))


TERMS = Terms(("BTC", "ETH"), np.full(2, 10.0), np.full(2, 0.05), np.eye(2), step_seconds=5.0, cash_units=1.0)


@pytest.mark.parametrize(("offset", "seized"), [(0.0, True), (1.0, False)])
def test_netting_keeps_a_hedged_account_alive(offset: float, seized: bool) -> None:
    # Alice is long 100 BTC and short 100 ETH at 100; at BTC 99 her 1,000 are 900; ranges 10 %: legs ask 990 and 1,000
    rule = Portfolio(offset=offset, offset_charge=0.0)  # netted: 10 % of the 100 that the legs differ
    desk = Desk([1_000], [[100, -100]], margin=rule)
    desk.house.margin_state = opened(rule, TERMS)
    assert desk.worth(99).maintenance[0] == (1_990 if offset == 0 else 10)
    assert desk.seize(99) == ([0] if seized else [])


def test_legs_share_what_is_asked_of_the_account() -> None:
    rule = Portfolio(offset=1.0, offset_charge=0.01)
    desk = Desk([300], [[100, -80]], margin=rule, liquidation=Whole())
    desk.house.margin_state = opened(rule, TERMS)
    desk.seize(97)
    slices = desk.slices(97)
    # asked alone 970 and 800, netted 170 + 1 % of 8,000 = 250, above her equity of 0; shares 250 x 970 / 1,770 and the rest
    assert slices.seized.leg_margin.tolist() == [[137, 113]]
    assert slices.healthy.tolist() == [[False, False]]  # no opening collateral of its own covers either leg alone


def test_a_choice_by_name_and_its_parameters() -> None:
    scenario = world({MARGIN: "portfolio", f"{MARGIN}.grid": "deribit", f"{MARGIN}.grid.price_range": 0.16})
    grid = scenario.venues[0].clearing.margin.grid
    assert (grid.kind, grid.price_range, grid.short_charge) == ("deribit", 0.16, 0.01)
    assert scenario.with_({}) == scenario


def test_tables_without_a_kind_are_of_the_usual_one() -> None:
    margin = world({f"{MARGIN}.maintenance_share": 0.4, "name": "low"}).venues[0].clearing.margin
    assert (margin.kind, margin.maintenance_share) == ("tiered", 0.4)
    bare = world({MARGIN: "portfolio", f"{MARGIN}.grid.price_range": 0.2}).venues[0].clearing.margin
    assert (bare.grid.kind, bare.grid.price_range) == ("span", 0.2)
    scaled = world({MARGIN: {"kind": "dynamic", "base": {"maintenance_share": 0.4}}}).venues[0].clearing.margin
    assert (scaled.base.kind, scaled.base.maintenance_share) == ("tiered", 0.4)
    assert Clearing.model_validate({"margin": {"maintenance_share": 0.4}}).margin.kind == "tiered"


def test_a_rule_that_does_not_exist() -> None:
    with pytest.raises(ScenarioError, match="margin"):
        world({MARGIN: "marginless"})
