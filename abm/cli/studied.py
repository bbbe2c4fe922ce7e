"""A scenario as the subject of a study: what the study engine, which knows no scenarios, is told about one."""

from __future__ import annotations

import hashlib
import itertools
import re
import shlex
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.cli.errors import Mistake, hint
from abm.cli.load import load
from abm.cli.workers import PRELOAD
from abm.study.errors import StudyError
from abm.study.plan import Subject

if TYPE_CHECKING:
    from abm.measures.table import Measure
    from abm.scenario.scenario import Scenario
    from abm.study.study import Study

TASK = "abm.task:run"
NO_PART_OF_RESULTS = {"study", "figures", "cli", "view"}  # rooms that read results and cannot change them


def subject(study: Study, file: Path) -> Subject:
    """The scenario that a study names, as its subject; Mistake for one that is refused or a twin that is unknown."""
    from abm.scenario.errors import ScenarioError
    from abm.scenario.parameters import parameters

    name = scenario_of(study, file)
    scenario = load(name)
    refuse_twins(study.twins, file)
    tree = scenario.dump()
    known = {parameter.name: parameter for parameter in parameters(scenario)}

    def fingerprint(overrides: Mapping[str, Any]) -> str:
        try:
            point = scenario.with_(overrides)
            point.check_files()
        except ScenarioError as error:
            raise StudyError(f"{file}: {error}") from None
        return point.hash()

    def payload(overrides: Mapping[str, Any]) -> dict[str, Any]:
        return {"scenario": tree, "set": dict(overrides), "twins": study.twins, "measures": study.measures}

    def parameter_of(column: str) -> Any:
        """The parameter of that name, the first of them where `*` names many; None for a variant."""
        return next((found for name, found in known.items() if fnmatchcase(name, column)), None)

    def value_of(parameter: str) -> Any:
        return known[parameter].value if parameter in known else None

    return Subject(
        task=TASK,
        code=code_version(),
        payload=payload,
        fingerprint=fingerprint,
        command=lambda overrides, seed: command(name, overrides, seed, study.twins),
        value_of=value_of,
        units={column: found.unit for column in study.columns() if (found := parameter_of(column)) is not None},
        measures=measures(scenario, study.twins),
        preload=PRELOAD,
    )


def scenario_of(study: Study, file: Path) -> str:
    """The scenario's file from the study's own directory, or a name that `run` understands."""
    beside = file.resolve().parent / study.scenario
    return str(beside) if beside.is_file() else study.scenario


def refuse_twins(names: tuple[str, ...], file: Path) -> None:
    """Mistake for a name that is no twin."""
    from abm.twins import TWINS

    for name in names:
        if name not in TWINS:
            raise Mistake(f"{file}: twins: no twin {name!r}; {hint(name, TWINS)}")


def measures(
    scenario: Scenario, twins: tuple[str, ...], table: Mapping[str, Measure] | None = None
) -> dict[str, dict[str, str]]:
    """Unit, help and worse direction of every measure of `table` (all of the summary) by its full dotted name here."""
    from abm.market.causes import Cause
    from abm.measures.carriers import SWITCHED
    from abm.measures.table import MEASURES

    assets = [asset.name for asset in scenario.assets]
    places = {
        "asset": assets,
        "shocked": assets,
        "twin": list(twins),
        "venue": [venue.name for venue in scenario.venues],
        "channel": list(SWITCHED),
        "cause": [cause.name.lower() for cause in Cause],
    }
    found = {}
    for name, measure in (MEASURES if table is None else table).items():
        slots = re.findall(r"<(\w+)>", name)
        for chosen in itertools.product(*(places.get(slot, ["*"]) for slot in slots)):
            filled = name
            for slot, value in zip(slots, chosen, strict=True):
                filled = filled.replace(f"<{slot}>", value, 1)
            found[filled] = {**measure._asdict(), "unit": _unit(measure.unit, scenario.money.currency)}
    return found


def command(scenario: str, overrides: Mapping[str, Any], seed: int, twins: tuple[str, ...]) -> str:
    """The command line that repeats one run."""
    words = ["python", "run.py", "run", scenario]
    for key, value in overrides.items():
        words += ["--set", f"{key}={toml(value)}"]
    words += ["--seed", str(seed), *(["--twins", ",".join(twins)] if twins else ["--no-twins"])]
    return shlex.join(words)


def toml(value: Any) -> str:
    """A value as TOML on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{toml(str(key))} = {toml(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(toml(entry) for entry in value)}]"
    return repr(value)


def code_version() -> str:
    """The version of the program and a digest of every source file that results depend on."""
    from importlib import metadata

    from abm.scenario.files import HOME

    digest = hashlib.sha256()
    for path in sorted((HOME / "abm").rglob("*.py")):
        place = path.relative_to(HOME / "abm")
        if place.parts[0] not in NO_PART_OF_RESULTS:
            digest.update(place.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    try:
        version = metadata.version("cascade-abm")
    except metadata.PackageNotFoundError:
        version = "unreleased"
    return f"{version}-{digest.hexdigest()[:12]}"


def _unit(unit: str, currency: str) -> str:
    return currency if unit == "currency" else unit
