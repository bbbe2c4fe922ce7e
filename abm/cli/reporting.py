"""A stored study as tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import pandas as pd
from matplotlib.figure import Figure as Drawing

from abm.figures.pattern import told
from abm.figures.response import response
from abm.study.analysis import against_twins, medians, numeric, paired
from abm.study.errors import StudyError
from abm.study.frame import HEAD, load
from abm.study.latex import wide, write_tex
from abm.study.store import read_manifest
from abm.study.study import Figure, Study, Table

HEADLINES = 4  # measures in figures and tables where the study names none


@dataclass(frozen=True)
class Stored:
    """A study read back."""

    directory: Path
    study: Study
    manifest: Mapping[str, Any]
    frame: pd.DataFrame

    @classmethod
    def of(cls, directory: Path) -> Stored:
        """StudyError if there is none, or no finished run in it."""
        manifest = read_manifest(directory)
        frame = load(directory)
        frame = frame[frame["status"] == "done"]
        if not len(frame):
            raise StudyError(f"{directory} holds no finished run yet: nothing to report")
        return cls(directory, Study.of(manifest["study"], str(directory)), manifest, frame)

    @property
    def columns(self) -> list[str]:
        """Swept parameters that vary."""
        return [name for name in self.study.columns() if self.frame[name].nunique(dropna=False) > 1]

    @cached_property
    def measures(self) -> list[str]:
        """Every stored measure that is a number, in the order of the measures table, those of twins last."""
        apart = {*self.study.columns(), *HEAD, "code"}
        found = [n for n in numeric(self.frame) if n not in apart and not n.startswith(("wall_", "host_"))]
        rank = {name: place for place, name in enumerate(self.manifest["measures"])}
        return sorted(found, key=lambda name: (name.startswith("twins."), rank.get(name, len(rank))))

    @cached_property
    def medians(self) -> pd.DataFrame:
        """Statistics of every point and measure."""
        return medians(self.frame, self.columns, self.measures)

    def named(self, patterns: Sequence[str]) -> list[str]:
        """The stored measures that patterns mean, in their order."""
        return list(dict.fromkeys(m for p in patterns for m in self.measures if fnmatchcase(m, p)))

    def headlines(self) -> list[str]:
        """What is drawn where the study does not say: what it keeps by name, or the first measures that vary."""
        if self.study.measures != ("*",):
            return self.named(self.study.measures)[:HEADLINES]
        varying = [m for m in self.measures if not m.startswith("twins.") and self.frame[m].nunique() > 1]
        return (varying or self.measures)[:HEADLINES]

    def label(self, name: str) -> str:
        """A column or a measure with its unit."""
        if name in self.study.columns():
            unit = self.manifest["units"].get(name, "")
            return f"{name}, {unit}" if unit not in ("", "share", "rule", "name", "text") else name
        bare = name.split(".", 2)[2] if name.startswith("twins.") else name
        unit = self.manifest["measures"].get(bare, {}).get("unit", "")
        return f"{told(name)}, {unit}" if unit else told(name)


def write_report(directory: Path) -> None:
    """Write `report/` beside the data, and say what is in it."""
    stored = Stored.of(directory)
    target = directory / "report"
    try:
        target.mkdir(exist_ok=True)
        write_numbers(stored, target)
        write_tables(stored, target)
        write_figures(stored, target)
    except OSError as error:
        raise StudyError(f"{target} cannot be written: {error.strerror}") from None
    runs, points = len(stored.frame), stored.manifest["points"]
    click.echo(f"{runs:,} finished runs of {points:,} points in {target}:")
    for path in sorted(target.iterdir()):
        click.echo(f"  {path.name}")


def write_numbers(stored: Stored, target: Path) -> None:
    """Everything as CSV, one row per point and measure."""
    stored.medians.to_csv(target / "medians.csv", index=False)
    for name in stored.study.variants:
        if name in stored.columns:
            table = paired(stored.frame, stored.columns, name, stored.measures)
            table.to_csv(target / f"paired-{name}.csv", index=False)
    if stored.study.twins:
        against_twins(stored.frame, stored.columns, stored.measures).to_csv(target / "paired-twins.csv", index=False)


def write_tables(stored: Stored, target: Path) -> None:
    """The tables that the study asks for, or one of its headlines."""
    for number, asked in enumerate(stored.study.tables or (Table(measures=("*",)),), start=1):
        measures = stored.named(asked.measures) if stored.study.tables else stored.headlines()
        table = wide(stored.medians, stored.columns, measures)
        path = target / f"{asked.name or f'table-{number}'}.csv"
        table.to_csv(path, index=False)
        write_tex(
            table, path.with_suffix(".tex"), caption=_caption(stored), heads={m: stored.label(m) for m in measures}
        )


def write_figures(stored: Stored, target: Path) -> None:
    """The figures that the study asks for, or the response of its headlines."""
    asked = stored.study.figures or (Figure(kind="lines", measures=tuple(stored.headlines())),)
    for number, figure in enumerate(asked, start=1):
        name = figure.name or f"{figure.kind}-{number}"
        drawn = draw(stored, figure)
        drawn.savefig(target / f"{name}.pdf", metadata={"CreationDate": None, "Creator": None, "Producer": None})
        drawn.savefig(target / f"{name}.png", metadata={"Software": None})


def draw(stored: Stored, asked: Figure) -> Drawing:
    """One figure."""
    measures = stored.named(asked.measures)
    x = asked.x or first_number(stored)
    others = [name for name in stored.columns if name != x]
    return response(stored.medians, measures, x, others, labels={name: stored.label(name) for name in [x, *measures]})


def first_number(stored: Stored) -> str:
    """The first column of numbers that varies, or the first that varies."""
    columns = stored.columns or list(stored.study.columns())[:1]
    numbers = [name for name in columns if name in numeric(stored.frame)]
    return (numbers or columns)[0]


def _caption(stored: Stored) -> str:
    return f"{stored.study.question} Medians over {stored.manifest['replications']} seeds, 95 % bootstrap intervals in brackets."
