"""Attribution runs: a scenario with every needed set of its channels switched on, the others off, seed by seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from abm.channels import without
from abm.measures.attribution import On, needed
from abm.measures.outcomes import OUTCOMES
from abm.measures.value import Value
from abm.records import RUN
from abm.scenario import Scenario
from abm.twins import Task, run_all, simulate, twin


@dataclass(frozen=True)
class Trial:
    """One scenario and one seed."""

    key: str  # hash of the scenario
    seed: int
    scenario: Scenario
    measure: str


def measured(trial: Trial) -> Value:
    """Run one trial; what a worker process does."""
    outcome = OUTCOMES[trial.measure]
    run = simulate(Task(trial.seed, RUN, trial.scenario))
    if not outcome.with_twin:
        return outcome.of(run, run)
    return outcome.of(run, simulate(Task(trial.seed, "no_liquidation", twin(trial.scenario, "no_liquidation"))))


@dataclass(frozen=True)
class Attribution:
    """Which channels to attribute what to, by which design."""

    scenario: Scenario
    channels: tuple[str, ...]
    design: str
    measure: str
    seeds: tuple[int, ...]

    def worlds(self) -> dict[On, Scenario]:
        """The scenario of every needed set of channels that are on."""
        return {
            on: without(self.scenario, tuple(c for c in self.channels if c not in on))
            for on in needed(self.channels, self.design)
        }

    def trials(self) -> list[Trial]:
        """Every different world with every seed: switching off what is off already costs no run."""
        worlds = {world.hash(): world for world in self.worlds().values()}
        return [Trial(key, seed, world, self.measure) for seed in self.seeds for key, world in worlds.items()]

    def games(self, *, jobs: int, done: Callable[[Trial], None] = lambda trial: None) -> list[dict[On, Value]]:
        """By seed: the outcome with every needed set of channels on."""
        keys = {on: world.hash() for on, world in self.worlds().items()}
        found: dict[tuple[str, int], Value] = {}
        for trial, value in run_all(measured, self.trials(), jobs=jobs):
            found[trial.key, trial.seed] = value
            done(trial)
        return [{on: found[key, seed] for on, key in keys.items()} for seed in self.seeds]

    def idle(self) -> tuple[str, ...]:
        """Channels that are off in the scenario already: they carry nothing."""
        return tuple(c for c in self.channels if without(self.scenario, (c,)).hash() == self.scenario.hash())
