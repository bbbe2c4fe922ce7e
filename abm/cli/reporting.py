"""A stored study as tables and figures."""

from __future__ import annotations

from pathlib import Path

import click
import pandas as pd

from abm.cli.drawing import differences, drawings
from abm.cli.stored import Stored
from abm.figures.style import save
from abm.study.errors import StudyError
from abm.study.latex import wide, write_tex
from abm.study.sensitivity import indices, one_at_a_time
from abm.study.study import Grid, OneAtATime, Table


def write_report(directory: Path) -> None:
    """Write `report/` beside the data, and say what is in it."""
    stored = Stored.of(directory)
    target = directory / "report"
    try:
        target.mkdir(exist_ok=True)
        write_numbers(stored, target)
        write_tables(stored, target)
        for name, drawn in drawings(stored).items():
            save(drawn, target / name)
    except OSError as error:
        raise StudyError(f"{target} cannot be written: {error.strerror}") from None
    runs, points = len(stored.frame), stored.manifest["points"]
    click.echo(f"{runs:,} finished runs of {points:,} points in {target}:")
    for path in sorted(target.iterdir()):
        click.echo(f"  {path.name}")


def write_numbers(stored: Stored, target: Path) -> None:
    """Everything as CSV, one row per point and measure."""
    stored.medians.to_csv(target / "medians.csv", index=False)
    for name in [*stored.study.variants, *(["twins"] if stored.study.twins else [])]:
        differences(stored, name, stored.measures).to_csv(target / f"paired-{name}.csv", index=False)
    if isinstance(stored.study.design, OneAtATime):
        one_at_a_time(stored.study, stored.frame, stored.measures).to_csv(target / "one-at-a-time.csv", index=False)
    if not isinstance(stored.study.design, (Grid, OneAtATime)):
        indices(stored.study, stored.frame, stored.measures).to_csv(target / "indices.csv", index=False)


def write_tables(stored: Stored, target: Path) -> None:
    """The tables that the study asks for, or one of its headlines; a sampled design has its indices instead."""
    if not stored.study.tables and not isinstance(stored.study.design, (Grid, OneAtATime)):
        table = indices(stored.study, stored.frame, stored.headlines()).assign(median=lambda found: found["value"])
        _write(stored, wide(table, ["parameter", "index"], stored.headlines()), target / "table-1")
        return
    for number, asked in enumerate(stored.study.tables or (Table(measures=("*",)),), start=1):
        measures = stored.named(asked.measures) if stored.study.tables else stored.headlines()
        _write(stored, wide(stored.medians, stored.columns, measures), target / (asked.name or f"table-{number}"))


def _write(stored: Stored, table: pd.DataFrame, path: Path) -> None:
    """A table as CSV and LaTeX."""
    table.to_csv(path.with_name(f"{path.name}.csv"), index=False)
    heads = {name: stored.label(name) for name in table.columns if name in stored.measures}
    write_tex(table, path.with_name(f"{path.name}.tex"), caption=_caption(stored), heads=heads)


def _caption(stored: Stored) -> str:
    seeds = f"{stored.study.replications} common seeds"
    if isinstance(stored.study.design, (Grid, OneAtATime)):
        return f"{stored.study.question} Medians over {seeds}, 95 % bootstrap intervals in brackets."
    return f"{stored.study.question} Indices of medians over {seeds}, 95 % intervals in brackets."
