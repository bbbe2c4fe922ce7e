"""Stress tests and attributions of small worlds: what is struck, what is measured, where a number passes 1."""

from __future__ import annotations

import pytest

from abm.attribute import Attribution
from abm.channels import CHANNELS, without
from abm.measures.attribution import effects, total
from abm.measures.liquidations import accounts
from abm.measures.outcomes import OUTCOMES
from abm.measures.stress import growth, measured
from abm.measures.value import Missing
from abm.stress import Cell, Grid, Place, crossing, places, struck
from abm.twins import twin
from tests.small_worlds import played, world

BTC = Place(("BTC",))


def test_a_cell_replaces_the_shock_and_keeps_its_time():
    (shock,) = struck(world(), Cell(Place(("BTC", "ETH"), correlation=0.2, transmission=0.5), -0.1)).world.shocks
    assert (shock.assets, shock.size, shock.at, shock.ramp) == (("BTC", "ETH"), -0.1, 30.0, 30.0)
    changed = struck(world(), Cell(Place(("ETH",), correlation=0.2, transmission=0.5), -0.1)).world.fundamentals
    assert (changed.correlation, changed.transmission) == (0.2, 0.5)
    assert struck(world(), Cell(BTC, -0.1)).world.fundamentals == world().world.fundamentals


def test_places_are_every_combination():
    assert len(places([("BTC",), ("ETH",)], [0.1, 0.2, 0.3], [None])) == 6  # 2 x 3 x 1


@pytest.mark.parametrize("passes", [0.013, 0.05, 0.0777, 0.2])
def test_a_crossing_is_bracketed_within_the_tolerance(passes):
    found = crossing(lambda fall: fall / passes, {}, [0.05, 0.1, 0.2], 0.001)
    assert passes <= found.value <= passes + 0.001
    assert all(number == pytest.approx(fall / passes) for fall, number in found.tried.items())


def test_what_is_known_is_not_run_again():
    asked = []
    crossing(lambda fall: asked.append(fall) or 0.0, {0.1: 0.5, 0.2: 2.0}, [0.1, 0.2], 0.06)
    assert asked == [pytest.approx(0.15)]  # one bisection: (0.15, 0.2] is narrower than 0.06


def test_a_number_that_never_passes_says_how_far_it_came():
    found = crossing(lambda fall: 2 * fall, {}, [0.1, 0.2], 0.01)
    assert found.value == Missing("at most 0.4 up to a fall of 20 %")


def test_a_number_above_1_without_a_shock_passes_at_once():
    assert crossing(lambda fall: 3.0, {}, [0.1], 0.01).value == 0.0


def test_a_cell_is_measured_against_its_own_run_without_liquidations():
    grid = Grid(world(), [Cell(BTC, -0.25), Cell(BTC, -0.02)], [1])
    grid.run()
    run = played(world({"world.shocks.fall.size": -0.25}))
    other = played(twin(world(), "no_liquidation"))
    assert grid.found[Cell(BTC, -0.25), 1].measures == measured(run, other)
    large, small = (grid.values(cell, "accounts")[0] for cell in grid.cells)
    assert large == accounts(run) > small
    assert large > 0
    lost = [value for name, value in measured(run, other).items() if name.startswith("equity_lost.") and "system" not in name]
    assert sum(lost) == pytest.approx(measured(run, other)["equity_lost.system"])
    assert measured(run, other)["equity_lost_by_losers"] == pytest.approx(sum(amount for amount in lost if amount > 0))


def test_growth_is_0_where_nobody_is_liquidated():
    assert growth(played(twin(world(), "no_liquidation"))) == 0.0


def test_a_critical_shock_of_a_grid_is_looked_for_from_its_cells():
    grid = Grid(world(), [Cell(BTC, -0.1), Cell(BTC, -0.25)], [1])
    grid.run()
    radius, grown = grid.critical_radius(BTC, 0.01), grid.critical_growth(BTC, 0.05)
    assert isinstance(radius.value, Missing) or radius.tried[radius.value] >= 1.0
    assert {0.1, 0.25} <= set(grown.tried)
    assert grown.tried[0.25] == grid.values(Cell(BTC, -0.25), "growth")[0]


@pytest.mark.parametrize("name", CHANNELS)
def test_every_channel_can_be_switched_off(name):
    off = without(world(), (name,))
    assert without(off, (name,)) == off


@pytest.mark.slow
def test_effects_of_a_market_add_up_seed_by_seed():
    channels = ("cross_margin", "impact", "adl")
    asked = Attribution(world(), channels, "factorial", "accounts", (1, 2))
    games = asked.games(jobs=1)
    assert [len(game) for game in games] == [8, 8]
    for game in games:
        assert sum(effects(game, channels, "factorial")["effect"].values()) == total(game, channels)  # whole accounts: exact
    assert games[0][frozenset(channels)] == accounts(played(world()))


def test_what_is_off_already_costs_no_run_and_carries_nothing():
    scenario = world({"population.pairs.rebalance": False})
    asked = Attribution(scenario, ("cross_margin", "pairs"), "shapley", "forced_share", (1,))
    assert asked.idle() == ("pairs",)
    assert len(asked.trials()) == 2  # cross margin on and off
    (game,) = asked.games(jobs=1)
    assert effects(game, asked.channels, "shapley")["shapley"]["pairs"] == 0.0


def test_price_impact_carries_part_of_what_spreads():
    """Not all: the liquidated trade no more, so even at a fixed price the paths part from those without liquidations."""
    asked = Attribution(world(), ("impact",), "shapley", "excess_fall", (1,))
    (game,) = asked.games(jobs=1)
    assert 0.0 < game[frozenset()] < game[frozenset({"impact"})]


def test_a_measure_of_others_needs_others():
    run = played(world({"world.shocks": []}))
    assert isinstance(OUTCOMES["excess_fall"].of(run, run), Missing)
