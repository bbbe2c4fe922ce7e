"""A study read back: what was asked, what was measured, and how its columns are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from abm.figures.pattern import told
from abm.study.analysis import medians, numeric
from abm.study.errors import StudyError
from abm.study.frame import HEAD, load
from abm.study.store import read_manifest
from abm.study.study import Study

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
        frame = load(directory, numbered=True)
        frame = frame[frame["status"] == "done"]
        if not len(frame):
            raise StudyError(f"{directory} holds no finished run yet: nothing to report")
        return cls(directory, Study.of(manifest["study"], str(directory)), manifest, frame)

    @property
    def columns(self) -> list[str]:
        """Swept parameters that vary; all of them if none does."""
        fixed = {name for dimension in self.study.dimensions() if len(dimension.rows) == 1 for name in dimension.columns}
        return [name for name in self.study.columns() if name not in fixed] or list(self.study.columns())

    @cached_property
    def measures(self) -> list[str]:
        """Every stored measure that is a number, in the order of the measures table, those of twins last."""
        apart = {"point", *self.study.columns(), *HEAD, "code"}
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
            return f"{name}, {unit}" if unit not in ("", "1", "share", "rule", "name", "text") else name
        bare = name.split(".", 2)[2] if name.startswith("twins.") else name
        unit = self.manifest["measures"].get(bare, {}).get("unit", "")
        return told(name) if told(name).endswith(unit) or unit == "1" else f"{told(name)}, {unit}"
