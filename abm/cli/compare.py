"""The command `compare`: two stored results side by side, measure by measure, and in what their scenarios differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from abm.cli.output import dumps
from abm.cli.reading import money
from abm.cli.results import leaves, scenario_of, summary_of

if TYPE_CHECKING:
    from rich.table import Table

    from abm.measures.table import Measure

HEADING = {"scenario", "seed", "steps", "step_seconds", "currency", "assets", "depth_within", "shock", "unavailable", "seeds"}
MISSING = "–"


@click.command("compare")
@click.argument("first", metavar="DIR")
@click.argument("second", metavar="DIR")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout and nothing else.")
def compare(first: str, second: str, as_json: bool) -> None:
    """Set two results side by side: all measures that differ, which is worse, and what their scenarios do not share."""
    told = comparison((summary_of(first), summary_of(second)), (scenario_of(first), scenario_of(second)))
    if as_json:
        click.echo(dumps({"first": first, "second": second, **told}), nl=False)
        return
    from abm.cli.console import console

    shown = console()
    for table in tables(told, first, second):
        shown.print(table)
    shown.print(f"\n{words(told)}")


def comparison(summaries: tuple[Mapping[str, Any], ...], scenarios: tuple[Mapping[str, Any], ...]) -> dict[str, Any]:
    """`scenario`: dotted key -> [first, second] where they differ; `measures`: name -> first, second, difference, unit, worse.

    Medians over seeds where a result has several; `worse` is null where neither is, or where both have intervals that
    overlap. Twins' measures stand under `twins.<name>`.
    """
    one, other = scenarios
    keys = [key for key in {**one, **other} if one.get(key) != other.get(key)]
    read = [_values(summary) for summary in summaries]
    names = list(dict.fromkeys([*read[0], *read[1]]))
    measures = {name: _difference(name, read[0].get(name), read[1].get(name), summaries[0]) for name in names}
    return {"scenario": {key: [one.get(key), other.get(key)] for key in keys}, "measures": measures}


def measure_of(name: str, assets: list[str]) -> Measure | None:
    """The documented measure that a dotted name of a summary means."""
    from abm.measures.table import MEASURES

    parts = name.split(".")
    parts = parts[2:] if parts[0] == "twins" else parts
    for documented, measure in MEASURES.items():
        pattern = documented.split(".")
        if len(pattern) == len(parts) and all(
            want == part or (want.startswith("<") and (want not in ("<asset>", "<shocked>") or part in assets))
            for want, part in zip(pattern, parts, strict=True)
        ):
            return measure
    return None


def _values(summary: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Dotted name -> value (median) and its interval, where there is one."""
    if "seeds" not in summary:
        tree = {key: value for key, value in summary.items() if key not in HEADING}
        return {name: {"value": value, "low": None, "high": None} for name, value in leaves(tree)}
    found: dict[str, dict[str, Any]] = {}
    for name, value in leaves(summary["seeds"]):
        for end, kept in ((".median", "value"), (".low", "low"), (".high", "high")):
            if name.endswith(end):
                found.setdefault(name.removesuffix(end), {})[kept] = value
    return found


def _difference(name: str, one: Any, other: Any, summary: Mapping[str, Any]) -> dict[str, Any]:
    measure = measure_of(name, summary["assets"])
    first, second = (None if side is None else side["value"] for side in (one, other))
    told = {"first": first, "second": second, "difference": None, "unit": measure.unit if measure else None, "worse": None}
    if first is None or second is None:
        return told
    told["difference"] = second - first
    if measure and measure.worse != "neither" and first != second and not _overlap(one, other):
        told["worse"] = "second" if (second > first) == (measure.worse == "higher") else "first"
    return told


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether both have an interval and the two have numbers in common."""
    ends = one["low"], one["high"], other["low"], other["high"]
    return None not in ends and one["low"] <= other["high"] and other["low"] <= one["high"]


def tables(told: Mapping[str, Any], first: str, second: str) -> list[Table]:
    """The keys of the scenarios that differ, and the measures of the runs (not of their twins) that do."""
    from rich.table import Table

    keys = Table(title=f"first: {first}\nsecond: {second}\n\nscenarios differ in", title_justify="left")
    for head in ("key", "first", "second"):
        keys.add_column(head, overflow="fold")
    for key, (one, other) in told["scenario"].items():
        keys.add_row(key, *(MISSING if side is None else str(side) for side in (one, other)))
    drawn = Table(title="measures that differ", title_justify="left")
    drawn.add_column("measure, unit", overflow="fold")
    for head in ("first", "second", "difference", "worse"):
        drawn.add_column(head, justify="left" if head == "worse" else "right", no_wrap=True)
    for name, row in told["measures"].items():
        if row["first"] != row["second"] and not name.startswith("twins."):
            numbers = [_said(row[key]) for key in ("first", "second", "difference")]
            drawn.add_row(f"{name}, {row['unit']}" if row["unit"] else name, *numbers, row["worse"] or "")
    return [keys, drawn]


def words(told: Mapping[str, Any]) -> str:
    """How much differs."""
    own = {name: row for name, row in told["measures"].items() if not name.startswith("twins.")}
    worse = [sum(row["worse"] == side for row in own.values()) for side in ("first", "second")]
    equal = sum(row["first"] == row["second"] for row in own.values())
    keys = len(told["scenario"])
    said = "1 key of the scenarios differs" if keys == 1 else f"{keys} keys of the scenarios differ"
    said += f". Of {len(own)} measures {equal} are equal"
    return f"{said}; the first is worse in {worse[0]}, the second in {worse[1]}. {MISSING}: not available, see summary.json."


def _said(value: Any) -> str:
    if value is None:
        return MISSING
    return money(value) if abs(value) >= 1_000 else f"{value:.4g}"
