"""Between the runs of a stress test and its user: statistics by cell, files, table and words on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click
import pandas as pd
from rich.table import Table

from abm.cli.console import console
from abm.cli.output import PROVENANCE, Claim, dumps, write_json
from abm.cli.progress import progress
from abm.cli.provenance import provenance
from abm.cli.reading import Reading, Write, money, percent, times, whole
from abm.cli.table import MISSING
from abm.figures.stress import stress
from abm.measures.seeds import ENOUGH, statistics
from abm.measures.stress import unit_of
from abm.measures.value import Missing
from abm.stress import Cell, Crossing, Grid, Place

if TYPE_CHECKING:
    from abm.cli.stress import StressJob

COLUMNS: tuple[tuple[str, str, Write], ...] = (
    ("bad debt", "bad_debt", money),
    ("lost", "equity_lost_by_losers", money),
    ("accounts", "accounts", whole),
    ("forced, %", "forced_share", percent),
    ("excess, %", "excess_fall_of_others", percent),
    ("calls", "margin_calls", whole),
    ("radius", "spectral_radius", times),
    ("growth", "growth", times),
)
SEEN = {"spectral_radius": "ex-ante spectral radius", "growth": "growth from first to second generation"}


def simulate(job: StressJob) -> dict[str, Any]:
    """All cells and the critical shocks, behind a progress bar."""
    trials = len(job.cells) * len(job.seeds)
    with progress(trials, f"stress of {job.scenario.name}") as advance:
        grid = Grid(job.scenario, job.cells, job.seeds, job.jobs, advance)
        grid.run()
        critical = {place: _critical(job, grid, place) for place in dict.fromkeys(cell.place for cell in job.cells)}
    return {"grid": grid, "critical": critical if job.critical else {}}


def _critical(job: StressJob, grid: Grid, place: Place) -> dict[str, Crossing]:
    if not job.critical:
        return {}
    return {
        "spectral_radius": grid.critical_radius(place, job.tolerance),
        "growth": grid.critical_growth(place, job.tolerance),
    }


def publish(job: StressJob, found: dict[str, Any], claimed: Claim) -> None:
    """Write every file, put the directory in place, and tell the user."""
    started = perf_counter()
    result = summary(job, found["grid"], found["critical"])
    origin = provenance(job.scenario, job.seeds) | {"request": job.request}
    table = frame(result)
    directory = claimed.directory
    (directory / "scenario.toml").write_text(job.scenario.to_toml(), encoding="utf-8")
    write_json(directory / "stress.json", result)
    write_json(directory / PROVENANCE, origin)
    table.to_parquet(directory / "stress.parquet")
    table.to_csv(directory / "stress.csv", index=False)
    (directory / "figures").mkdir()
    drawn = stress(table, currency=result["currency"])
    drawn.savefig(directory / "figures" / "stress.png", dpi=200, metadata={"Software": None})
    claimed.complete()
    if job.as_json:
        click.echo(dumps({**result, "provenance": origin, "timing": {"seconds": round(perf_counter() - started, 3)}}), nl=False)
    else:
        tell(job, result)


def summary(job: StressJob, grid: Grid, critical: Mapping[Place, Mapping[str, Crossing]]) -> dict[str, Any]:
    """Statistics of every measure by cell and the critical shocks; a None has its reason under `unavailable`."""
    reasons: dict[str, str] = {}
    cells = [_cell(grid, cell, f"cells.{row}.measures", reasons) for row, cell in enumerate(job.cells)]
    crossings = []
    for row, (place, found) in enumerate(critical.items()):
        entry: dict[str, Any] = _where(place)
        for name, crossed in found.items():
            missing = isinstance(crossed.value, Missing)
            tried = [{"fall": fall, "median": value} for fall, value in sorted(crossed.tried.items())]
            entry[name] = {"critical_shock": None if missing else crossed.value, "tried": tried}
            if isinstance(crossed.value, Missing):
                reasons[f"critical.{row}.{name}.critical_shock"] = crossed.value.reason
        crossings.append(entry)
    return {
        "scenario": job.scenario.name,
        "currency": job.scenario.money.currency,
        "seeds": {"count": len(job.seeds), "list": list(job.seeds)},
        "cells": cells,
        "critical": crossings,
        "tolerance": job.tolerance,
        "unavailable": reasons,
    }


def _where(place: Place) -> dict[str, Any]:
    stated = {"correlation": place.correlation, "transmission": place.transmission}
    return {"assets": list(place.assets), **{key: value for key, value in stated.items() if value is not None}}


def _cell(grid: Grid, cell: Cell, prefix: str, reasons: dict[str, str]) -> dict[str, Any]:
    measures: dict[str, Any] = {}
    first = grid.found[cell, grid.seeds[0]].measures
    for name, value in first.items():
        values = grid.values(cell, name)
        measures[name] = statistics(values)
        why = f"defined in {len(values)} of {len(grid.seeds)} seeds, an interval needs {ENOUGH}"
        why = value.reason if not values and isinstance(value, Missing) else why
        reasons |= {f"{prefix}.{name}.{key}": why for key, number in measures[name].items() if number is None}
    return {**_where(cell.place), "size": cell.size, "measures": measures}


def place_of(entry: Mapping[str, Any]) -> str:
    """`ETH`, with the correlation and transmission that were set for it."""
    extra = [f"{key} {entry[key]:g}" for key in ("correlation", "transmission") if key in entry]
    return ", ".join(["+".join(entry["assets"]), *extra])


def frame(result: Mapping[str, Any]) -> pd.DataFrame:
    """One row per cell and measure: place, its parts, size, measure, unit and statistics over seeds."""
    return pd.DataFrame(
        [
            {
                "place": place_of(cell),
                "assets": "+".join(cell["assets"]),
                "correlation": cell.get("correlation"),
                "transmission": cell.get("transmission"),
                "size": cell["size"],
                "measure": name,
                "unit": unit_of(name).replace("currency", result["currency"]),
                **found,
            }
            for cell in result["cells"]
            for name, found in cell["measures"].items()
        ]
    ).astype({"correlation": float, "transmission": float, "low": float, "high": float, "median": float})


def tell(job: StressJob, result: Mapping[str, Any]) -> None:
    """The table, the critical shocks and where the files are."""
    shown = console()
    shown.print(table(result))
    for line in critical_lines(result):
        shown.print(line, soft_wrap=True)
    shown.print(f"\nresults and figure in {job.out}", soft_wrap=True)


def table(result: Mapping[str, Any]) -> Table:
    """Cells as rows, medians over seeds with their intervals."""
    count = result["seeds"]["count"]
    title = f"stress of {result['scenario']}, " + ("1 seed" if count == 1 else f"medians over {count} seeds")
    few = "" if count >= ENOUGH else f"; too few seeds for intervals, which need {ENOUGH}"
    caption = (
        f"money in {result['currency']}; lost: by groups that lost; accounts: liquidated; forced: orders over opening open"
        " interest; excess: largest fall of another asset below its path without liquidations; calls: accounts called;"
        f" radius: ex-ante spectral radius; growth: second generation of liquidations per one of the first{few}"
    )
    drawn = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    drawn.add_column("shock", no_wrap=True)
    for head, _, _ in COLUMNS:
        drawn.add_column(head, justify="right", overflow="fold")
    last = None
    for cell in result["cells"]:
        place = place_of(cell)
        if last not in (None, place):
            drawn.add_section()
        last = place
        drawn.add_row(f"{place} {100 * cell['size']:+g} %", *(_said(cell["measures"][name], write) for _, name, write in COLUMNS))
    return drawn


def _said(found: Mapping[str, Any], write: Write) -> str:
    if found["median"] is None:
        return MISSING
    reading = Reading(found["median"], found["low"], found["high"])
    interval = reading.interval(lambda number: write(number).replace(" ", "")).strip()
    return f"{write(reading.value)}\n{interval}" if interval else write(reading.value)


def critical_lines(result: Mapping[str, Any]) -> Iterator[str]:
    """One sentence per place and criterion."""
    for row, entry in enumerate(result["critical"]):
        for name, label in SEEN.items():
            shock = entry[name]["critical_shock"]
            if shock is None:
                reason = result["unavailable"][f"critical.{row}.{name}.critical_shock"]
                yield f"{place_of(entry)}: the {label} does not pass 1: {reason}."
            else:
                yield f"{place_of(entry)}: the {label} passes 1 at a fall of {100 * shock:.3g} %."
