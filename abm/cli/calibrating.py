"""A calibration at work: its runs through the engine of studies, its results as tables, figures and a scenario file."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from abm.cli.errors import Mistake
from abm.cli.studied import measures, scenario_of, subject
from abm.cli.sweeping import Order, Stop, carry_out
from abm.figures.bars import bars
from abm.figures.profiles import profiles
from abm.figures.style import save
from abm.study.axes import Row
from abm.study.calibration import Calibration
from abm.study.errors import StudyError
from abm.study.findings import findings, fit_table, points_table, profile_table, sensitivity_table, words
from abm.study.fitting import Fit, fit
from abm.study.frame import load
from abm.study.plan import Plan, Subject

TASK = "abm.task:calibrated"


class Stopped(Exception):
    """Asked for by Ctrl-C: what was run is stored."""


def calibrate_into(calibration: Calibration, file: Path, order: Order) -> bool:
    """Fit, write and tell; False if it was interrupted."""
    told = told_subject(calibration, file)
    ends = [[0.0] * len(calibration.parameters), [1.0] * len(calibration.parameters)]
    Plan.of(calibration.study([calibration.row(np.array(end)) for end in ends]), told)  # a range is refused before anything runs
    try:
        found = fit(calibration, _runs(calibration, told, order))
    except Stopped:
        click.echo(f"continue: {order.again()}")
        return False
    if not np.isfinite(found.trials.objectives()[found.best]):
        raise StudyError(f"{order.out}: no point shows all fitted moments; never or not on every seed: {_undefined(found)}")
    own = {name: told.value_of(name) for name in calibration.parameters}
    try:
        write(found, told, own, scenario_of(calibration.study([calibration.row(found.low)]), file), order.out)
    except OSError as error:
        raise StudyError(f"{order.out} cannot be written: {error.strerror}") from None
    for line in words(found, own):
        click.echo(line)
    click.echo(f"in {order.out}: {', '.join(sorted(path.name for path in order.out.iterdir() if path.is_file()))}")
    return True


def told_subject(calibration: Calibration, file: Path) -> Subject:
    """The scenario as the engine is told of it, with the moments of recorded markets among its measures."""
    from abm.cli.load import load as loaded
    from abm.measures.moments import MOMENTS

    study = calibration.study([(None,) * len(calibration.parameters)])
    plain = subject(study, file)
    scenario = loaded(scenario_of(study, file))
    known = dict(plain.measures) | measures(scenario, (), MOMENTS)
    for name in calibration.targets:
        if "*" in name:
            raise Mistake(f"{file}: targets.{name}: a target is one measure, not a pattern")
    prints: dict[str, str] = {}

    def fingerprint(overrides: Mapping[str, Any]) -> str:
        key = repr(sorted(overrides.items()))
        if key not in prints:
            prints[key] = plain.fingerprint(overrides)
        return prints[key]

    return dataclasses.replace(plain, task=TASK, fingerprint=fingerprint, measures=known)


def write(found: Fit, told: Subject, own: Mapping[str, Any], scenario: str, out: Path) -> None:
    """Tables as CSV, figures as PDF and PNG, and the best point as a scenario file of differences."""
    calibration = found.trials.calibration
    fitted, parameters = fit_table(found), findings(found, own)
    for name, table in {
        "fit": fitted,
        "parameters": parameters,
        "sensitivity": sensitivity_table(found),
        "points": points_table(found),
    }.items():
        table.to_csv(out / f"{name}.csv", index=False)
    (out / "best.toml").write_text(best_scenario(found, scenario, out), encoding="utf-8")
    save(bars(_cases(fitted), ["distance"], x="standard errors from the target", labels={"distance": ""}), out / "fit")
    best = dict(zip(parameters["parameter"], parameters["best"], strict=True))
    log = [name for name, axis in calibration.parameters.items() if axis.log]
    labels = {name: f"{name}, {told.units[name]}" for name in best if told.units.get(name, "1") != "1"}
    save(profiles(profile_table(found), best, log=log, labels=labels), out / "profiles")


def best_scenario(found: Fit, scenario: str, out: Path) -> str:
    """The best point as a TOML file that states its differences to the scenario."""
    from abm.scenario.files import locate, to_toml

    calibration = found.trials.calibration
    study = calibration.study(found.trials.rows)
    tree: dict[str, Any] = {
        "base": os.path.relpath(locate(scenario).resolve(), out.resolve()),
        "name": f"{Path(scenario).stem}_calibrated"[:64],
        "question": calibration.question,
    }
    for key, value in study.overrides(found.trials.rows[found.best]).items():
        *tables, last = key.split(".")
        place = tree
        for name in tables:
            place = place.setdefault(name, {})
        place[last] = value
    return to_toml(tree)


def _cases(fitted: pd.DataFrame) -> pd.DataFrame:
    """The distances before and after as `bars` takes them."""
    kinds = {"as it is": "distance_as_it_is", "best point": "distance"}
    tables = [
        pd.DataFrame({"case": fitted["moment"], "kind": kind, "measure": "distance", "value": fitted[column]})
        for kind, column in kinds.items()
    ]
    return pd.concat(tables, ignore_index=True).assign(low=np.nan, high=np.nan)


def _undefined(found: Fit) -> str:
    calibration, moments = found.trials.calibration, found.trials.moments()
    never = [
        name for k, name in enumerate(calibration.targets) if name in calibration.fitted and not np.isfinite(moments[:, k]).any()
    ]
    return ", ".join(never) or "together"


def _runs(calibration: Calibration, told: Subject, order: Order) -> Callable[[Sequence[Row]], pd.DataFrame]:
    def runs(rows: Sequence[Row]) -> pd.DataFrame:
        stop = Stop()
        store = carry_out(Plan.of(calibration.study(rows), told), order, stop)
        if stop.wanted or store.left:
            raise Stopped
        return load(order.out, tuple(calibration.targets), numbered=True)

    return runs
