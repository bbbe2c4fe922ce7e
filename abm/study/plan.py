"""The plan: every run of a study, with what a worker needs to do it and what tells it from other runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.study.design import points
from abm.study.errors import StudyError, nearest
from abm.study.study import Row, Study
from abm.study.work import Run

Overrides = Mapping[str, Any]
COMMON = "common random numbers: replication r has the seed `seed` + r at every point"


@dataclass(frozen=True)
class Subject:
    """What is studied, told to an engine that knows nothing of it."""

    task: str  # `package.module:function`, called with (payload, seed), returns a flat dict
    code: str  # version of everything that the results depend on
    payload: Callable[[Overrides], Any]
    fingerprint: Callable[[Overrides], str]  # equal for equal scenarios; raises StudyError for one that is refused
    command: Callable[[Overrides, int], str]  # repeats one run by hand
    value_of: Callable[[str], Any] = lambda name: None  # the scenario's own value of a dotted name, None if it has none
    units: Mapping[str, str] = field(default_factory=dict)  # of columns
    measures: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # dotted name -> unit, help, worse
    preload: tuple[str, ...] = ()  # modules that worker processes import before the first run


@dataclass(frozen=True)
class Plan:
    """The points of a study and what each is known by."""

    study: Study
    subject: Subject
    rows: tuple[Row, ...]  # the scenario's own values filled in where it has them
    laid: tuple[Overrides, ...]  # overrides of each point
    digests: tuple[str, ...]  # of scenario, task, twins and kept measures, by point

    @classmethod
    def of(cls, study: Study, subject: Subject) -> Plan:
        """Every point checked; StudyError for the first that is refused."""
        refuse_measures(study, subject.measures)
        kept = study.kept(subject.task)
        own = {name: subject.value_of(name) for name in study.columns() if name not in study.variants}
        rows, laid, digests = [], [], []
        known: dict[str, str] = {}
        for row in points(study):
            overrides = study.overrides(row)
            said = repr(sorted(overrides.items()))
            if said not in known:
                known[said] = hashlib.sha256(f"{subject.fingerprint(overrides)}\n{kept}".encode()).hexdigest()[:32]
            named = zip(study.columns(), row, strict=True)
            rows.append(tuple(own.get(name) if value is None else value for name, value in named))
            laid.append(overrides)
            digests.append(known[said])
        return cls(study, subject, tuple(rows), tuple(laid), tuple(digests))

    @property
    def replications(self) -> int:
        """Runs of each point."""
        return self.study.replications

    def index(self) -> dict[str, int]:
        """The first point of each digest: equal points are run once."""
        first: dict[str, int] = {}
        for point, digest in enumerate(self.digests):
            first.setdefault(digest, point)
        return first

    def nothing_done(self) -> NDArray[np.bool_]:
        """(n_points, replications): False where a run is wanted, True at points equal to an earlier one."""
        done = np.ones((len(self.rows), self.replications), dtype=np.bool_)
        done[list(self.index().values())] = False
        return done

    def todo(self, done: NDArray[np.bool_]) -> Iterator[Run]:
        """What is not done, all points of the first replication first."""
        payload = lru_cache(maxsize=4096)(lambda point: self.subject.payload(self.laid[point]))
        for replication in range(self.replications):
            for point in np.flatnonzero(~done[:, replication]).tolist():
                yield Run(point, replication, self.study.seed + replication, payload(point))

    def command(self, point: int, seed: int) -> str:
        """What repeats one run by hand."""
        return self.subject.command(self.laid[point], seed)


def refuse_measures(study: Study, known: Mapping[str, Any]) -> None:
    """StudyError for a pattern that no measure of the subject, or of a twin, has; nothing where measures are not known."""
    names = [*known, *(f"twins.{twin}.{name}" for twin in study.twins for name in known)]
    if not known:
        return
    _refuse_patterns("measures", study.measures, names)
    kept = [name for name in names if any(fnmatchcase(name, pattern) for pattern in study.measures)]
    for k, figure in enumerate(study.figures):
        _refuse_patterns(f"figures.{k}.measures", figure.measures, kept)
    for k, table in enumerate(study.tables):
        _refuse_patterns(f"tables.{k}.measures", table.measures, kept)


def _refuse_patterns(key: str, patterns: Sequence[str], names: Sequence[str]) -> None:
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise StudyError(f"{key}: no measure {pattern!r} is kept; {nearest(pattern, names)}")
