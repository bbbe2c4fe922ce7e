"""The task of a study: one seed of a scenario with its twins, as a flat dict of measures. What a worker of a sweep calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from abm.measures.moments import moments
from abm.measures.seeds import HEADING
from abm.measures.summary import summarise
from abm.records import RUN
from abm.scenario.scenario import Scenario
from abm.twins import Task, simulate, twin

Number = float | int | str | bool | None


def run(payload: Mapping[str, Any], seed: int) -> dict[str, Number]:
    """Every measure under its dotted name, None where it is not defined.

    `payload`: `scenario` (tree of tables), `set` (overrides), `twins` (names), `measures` (shell patterns of what is
    kept). Raises ScenarioError for a scenario that breaks a rule.
    """
    scenario = Scenario.model_validate(payload["scenario"]).with_(payload["set"])
    runs = {name: simulate(Task(seed, name, twin(scenario, name))) for name in (RUN, *payload["twins"])}
    summary = summarise(runs.pop(RUN), runs)
    return {name: value for name, value in flat(summary) if any(fnmatchcase(name, p) for p in payload["measures"])}


def calibrated(payload: Mapping[str, Any], seed: int) -> dict[str, Number]:
    """The same, and the moments of `abm.measures.moments`: the task of a calibration, whose payload names no twins."""
    scenario = Scenario.model_validate(payload["scenario"]).with_(payload["set"])
    records = simulate(Task(seed, RUN, scenario))
    begin = round(scenario.time.burn_in / scenario.time.step_seconds)
    found = dict(flat(summarise(records, {}))) | moments(records, begin)
    return {name: value for name, value in found.items() if any(fnmatchcase(name, p) for p in payload["measures"])}


def flat(summary: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Number]]:
    """Leaves of a summary by dotted names, without its heading."""
    for key, leaf in summary.items():
        if not prefix and key in HEADING:
            continue
        if isinstance(leaf, Mapping):
            yield from flat(leaf, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", leaf
