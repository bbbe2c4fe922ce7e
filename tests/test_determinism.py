"""Same scenario and seed, same records: whatever the number of processes, the compiler, or what was built before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from abm.model import CascadeModel
from abm.scenario import Scenario
from abm.twins import run_job, tasks
from tests.full_rulebook import everything
from tests.small_worlds import fingerprint, market, played, world

SHORT = {"time.duration": 120.0}
ROOT = Path(__file__).parents[1]
PLAIN = (
    "from tests.full_rulebook import everything; from tests.small_worlds import fingerprint, played, world;"
    " print(fingerprint(played({scenario}, 3)))"
)


def test_a_run_repeats_itself() -> None:
    assert fingerprint(played(world(SHORT))) == fingerprint(played(world(SHORT)))


def test_two_models_side_by_side_do_not_disturb_each_other() -> None:
    alone = fingerprint(played(world(SHORT), 5))
    first, second = market(SHORT, seed=5), market(SHORT, seed=6)
    while first.tick < first.scenario.time.steps:
        first.step()
        second.step()
    assert fingerprint(first.records()) == alone


def test_the_global_generator_of_numpy_is_neither_used_nor_touched() -> None:
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    once = fingerprint(played(world(SHORT)))
    assert np.array_equal(np.random.get_state()[1], before)  # type: ignore[index]  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    assert fingerprint(played(world(SHORT))) == once


@pytest.mark.parametrize("scenario", [world(SHORT), everything(SHORT)], ids=["small", "everything"])
def test_one_and_two_processes_give_the_same_records(scenario: Scenario) -> None:
    todo = tasks(scenario, [1, 2], ["no_shock"], matrix=False)
    one, two = (
        {
            (runs.seed, name): fingerprint(records)
            for runs in run_job(todo, jobs=jobs)
            if runs.run is not None
            for name, records in {"run": runs.run, **runs.twins}.items()
        }
        for jobs in (1, 2)
    )
    assert len(one) == 4
    assert one == two


@pytest.mark.parametrize(
    "scenario",
    [
        "world({'time.duration': 100.0}, crowd=4)",
        pytest.param("everything({'time.duration': 150.0})", marks=pytest.mark.slow),
    ],
)
def test_compiled_and_plain_kernels_give_the_same_records(scenario: str) -> None:
    command = [sys.executable, "-c", PLAIN.format(scenario=scenario)]
    plain = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=True
    )
    compiled = played(eval(scenario), 3)
    assert compiled.per_instrument["forced"].sum() > 0
    assert plain.stdout.strip() == fingerprint(compiled)


def test_more_traders_of_a_group_leave_the_margin_modes_of_the_first_as_they_were() -> None:
    few, many = (market({"population.cross_share": 0.5, "population.universal_share": 0.5}, crowd=n) for n in (12, 30))
    for model in (few, many):
        assert len(model.exchange.traders.rows("crowd")) in (12, 30)
    modes = [_modes(model)[model.exchange.traders.rows("crowd")[:12]].tolist() for model in (few, many)]
    assert modes[0] == modes[1]
    assert len(set(modes[0])) > 1


def test_another_group_more_leaves_the_others_positions_as_they_were() -> None:
    without, with_ = market(trend=0), market(trend=50)
    for group in ("crowd", "pairs", "hedgers"):
        lots = [model.positions(model.exchange.traders.rows(group)).tolist() for model in (without, with_)]
        assert lots[0] == lots[1]


def test_what_a_trader_draws_does_not_depend_on_how_many_follow() -> None:
    few, many = market(liquidity=10), market(liquidity=40)
    drawn = []
    for model in (few, many):
        group = model.groups["liquidity"]
        drawn.append(model.draws(group).uniform("act", group.rows[:10]).tolist())
    assert drawn[0] == drawn[1]


def _modes(model: CascadeModel) -> np.ndarray:
    """Margin mode of every owner."""
    return np.asarray(model.ledger.mode[model.exchange.accounts.backing[:, 0]])
