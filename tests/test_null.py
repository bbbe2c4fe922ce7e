"""The control of every result: with every channel off, a fall of one asset reaches no other, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abm.measures.contagion import contagion_matrix
from abm.measures.prices import amplification, excess_fall
from abm.records import PER_INSTRUMENT, Records
from abm.scenario import Scenario
from abm.twins import SeedRuns, run_job, tasks, twin
from tests.small_worlds import played, world

SHORT = {
    "time.duration": 240.0,
    "time.burn_in": 25.0,
    "world.shocks.eth.at": 30.0,
    "world.shocks.eth.ramp": 60.0,
    "population.crowd.count": 60,
    "population.hedgers.count": 20,
    "population.liquidity.count": 40,
    "population.value.count": 15,
    "population.trend.count": 8,
    "assets.*.open_interest": 5e6,
}
NAMES = ("BTC", "ETH", "SOL", "ALT")


def matrix(runs: SeedRuns) -> np.ndarray:
    """The full contagion matrix of one seed, shocked asset by affected asset."""
    rows = contagion_matrix({NAMES.index(name): run for name, run in runs.matrix.items()}, runs.twins["no_shock"])
    return np.array([rows[row] for row in range(len(NAMES))], dtype=np.float64)


def job(seeds: range, changes: dict[str, Any], *, jobs: int = 1) -> list[SeedRuns]:
    scenario = Scenario.load("null").with_(changes)
    return list(run_job(tasks(scenario, seeds, ["no_shock"], matrix=True), jobs=jobs))


def off_diagonal(full: np.ndarray) -> np.ndarray:
    return np.asarray(full[~np.eye(len(full), dtype=bool)])


def assert_untouched(run: Records, quiet: Records, shocked: int) -> None:
    """Every recorded column of every other asset, bit for bit."""
    others = [row for row in range(len(NAMES)) if row != shocked]
    for name in PER_INSTRUMENT:
        assert np.array_equal(run.per_instrument[name][:, others], quiet.per_instrument[name][:, others]), name


def test_nothing_reaches_another_asset() -> None:
    for runs in job(range(2), SHORT | {"population.cross_share": 0.0}):
        full = matrix(runs)
        assert off_diagonal(full).tolist() == [0.0] * 12
        assert (np.diag(full) > 0.5).all()  # each asset does fall when it is hit
        for name, run in runs.matrix.items():
            assert run.scalars["entered"].sum() > 0 and run.scalars["deficit"].sum() > 0  # a cascade with defaults
            assert_untouched(run, runs.twins["no_shock"], NAMES.index(name))


def test_nothing_reaches_another_asset_where_forced_orders_and_stops_meet_traders() -> None:
    changes = SHORT | {"time.forced_orders": "interleaved", "population.stops": {"share": 0.5}}
    scenario = Scenario.load("null").with_(changes)
    run, quiet = played(scenario, 0), played(twin(scenario, "no_shock"), 0)
    eth = NAMES.index("ETH")
    assert run.per_instrument["forced"][:, eth].any() and run.per_instrument["stopped"][:, eth].any()
    assert_untouched(run, quiet, eth)


@pytest.mark.parametrize(
    "channel",
    [{"population.cross_share": 1.0}, {"population.cross_share": 0.0, "makers.common_capital": True}],
    ids=["shared collateral", "common maker capital"],
)
def test_any_one_channel_carries_the_fall_over(channel: dict[str, Any]) -> None:
    scenario = Scenario.load("null").with_(SHORT | channel)
    run, quiet = played(scenario, 0), played(twin(scenario, "no_shock"), 0)
    [row] = contagion_matrix({NAMES.index("ETH"): run}, quiet).values()
    assert max(float(row[other]) for other in (0, 2, 3)) > 0.0


def test_the_outside_value_alone_as_mark_leaves_nothing_to_amplify() -> None:
    scenario = world({"venues.main.marking.book_weight": 0.0, "world.fundamentals.correlation": 0.5})
    run, still = played(scenario), played(twin(scenario, "no_liquidation"))
    assert run.per_instrument["forced"].sum() > 0  # books do move
    assert not np.array_equal(run.per_instrument["last"], still.per_instrument["last"])
    assert np.array_equal(run.per_instrument["mark"], still.per_instrument["mark"])
    assert amplification(run, still, run.meta.shock_step or 0)[0] == 1.0
    assert excess_fall(run, still).tolist() == [0.0, 0.0]


@pytest.mark.slow
def test_nothing_reaches_another_asset_whatever_the_seed() -> None:
    for runs in job(range(20), SHORT | {"population.cross_share": 0.0}, jobs=2):
        assert off_diagonal(matrix(runs)).tolist() == [0.0] * 12
        assert (np.diag(matrix(runs)) > 0.5).all()


@pytest.mark.slow
def test_nothing_reaches_another_asset_in_the_shipped_scenario() -> None:
    scenario = Scenario.load("null")
    assert scenario.population.cross_share == 0.0
    for runs in run_job(tasks(scenario, range(20), ["no_shock"], matrix=False), jobs=2):
        assert runs.run is not None
        [row] = contagion_matrix({NAMES.index("ETH"): runs.run}, runs.twins["no_shock"]).values()
        assert [row[other] for other in (0, 2, 3)] == [0.0, 0.0, 0.0]


@pytest.mark.slow
def test_shared_collateral_carries_the_fall_over_in_eighteen_of_twenty_runs() -> None:
    scenario = Scenario.load("null").with_({"population.cross_share": 1.0})
    spread = 0
    for runs in run_job(tasks(scenario, range(20), ["no_liquidation"], matrix=False), jobs=2):
        assert runs.run is not None
        spread += bool(np.delete(excess_fall(runs.run, runs.twins["no_liquidation"]), NAMES.index("ETH")).min() > 0.0)
    assert spread >= 18
