"""The store: a directory with a manifest, the points of the study and parts of many runs; resuming is opening it again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa

from abm.study import lock, parts
from abm.study.axes import label
from abm.study.errors import StudyError
from abm.study.plan import COMMON, Plan
from abm.study.work import FAILED, Outcome

FORMAT = 1
MANIFEST, POINTS, PARTS = "manifest.json", "points.parquet", "parts"
CELLS_MAX = 200_000  # measures waiting to be written: bounds memory, about 40 MB
SECONDS_LEAST, SECONDS_MOST = 5.0, 60.0  # between parts: rarer as the study gets longer, never more than a minute of work lost
SHARE = 0.02
SMALL, MANY = 500_000, 32  # bytes of a part, and how many so small become one


class Store:
    """A study's results on disk, open for writing. Enter it to write; leaving writes what is waiting."""

    def __init__(self, directory: Path, plan: Plan) -> None:
        self.directory, self.plan = directory, plan
        self.manifest: dict[str, Any] = {}
        self.damaged: list[Path] = []
        self.done = plan.nothing_done()  # (n_points, replications)
        self._waiting: list[dict[str, Any]] = []
        self._cells = 0
        self._small: list[parts.Part] = []

    def open(self, *, allow_version: bool = False, retry_failed: bool = False) -> Store:
        """Claim the directory for this study; StudyError if it is somebody else's, or another version's and not allowed."""
        try:
            (self.directory / PARTS).mkdir(parents=True, exist_ok=True)
            self._lock = lock.Lock(self.directory).__enter__()
        except OSError as error:
            raise StudyError(f"--out {self.directory} cannot be written: {error.strerror}") from None
        try:
            self._recognise(allow_version=allow_version)
            self._count(retry_failed=retry_failed)
            self._write_points()
            self._write_manifest()
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        self._opened = self._written = monotonic()
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.flush()
            self.session["ended"] = _now()
            self._write_manifest()
        finally:
            self._lock.__exit__(None, None, None)

    @property
    def left(self) -> int:
        """Runs that are not done."""
        return int((~self.done).sum())

    def begin(self, **facts: Any) -> None:
        """Note in the manifest who works on the study from now on."""
        self.session: dict[str, Any] = {"started": _now(), **facts, "done": 0, "failed": 0}
        self.manifest["sessions"].append(self.session)
        self._write_manifest()

    def add(self, outcome: Outcome) -> None:
        """Keep what became of a run; it is on disk after the next part."""
        self.done[outcome.point, outcome.replication] = True
        self._waiting.append(
            {
                "digest": self.plan.digests[outcome.point],
                "seed": outcome.seed,
                "status": outcome.status,
                "error": outcome.error,
                **{f"m.{name}": value for name, value in outcome.measures.items()},
                "wall_seconds": outcome.wall_seconds,
                "host_name": outcome.host_name,
            }
        )
        self.session["failed" if outcome.status == FAILED else "done"] += 1
        self._cells += len(outcome.measures) + 6
        waited, all_along = monotonic() - self._written, monotonic() - self._opened
        if self._cells >= CELLS_MAX or waited >= min(SECONDS_MOST, max(SECONDS_LEAST, SHARE * all_along)):
            self.flush()

    def flush(self) -> None:
        """Write what is waiting as one part."""
        if self._waiting:
            self._number += 1
            path = self.directory / PARTS / f"{self._number:08d}.parquet"
            self._note(parts.write(parts.table_of(self._waiting), path, self.plan.subject.code))
            self._waiting, self._cells = [], 0
            if len(self._small) >= MANY:
                self._small, small = [], self._small
                self._note(parts.merged(small))
        self._written = monotonic()

    def _note(self, part: parts.Part) -> None:
        """Remember a small part of this code: many of them become one, else a long study is slow to read."""
        if part.code == self.plan.subject.code and part.path.stat().st_size < SMALL:
            self._small.append(part)

    def note_attempts(self, attempts: Mapping[tuple[int, int], int]) -> None:
        """Write down the runs whose worker died."""
        for (point, replication), count in attempts.items():
            key = f"{self.plan.digests[point]}-{self.plan.study.seed + replication}"
            self.manifest["attempts"][key] = self.manifest["attempts"].get(key, 0) + count

    def _recognise(self, *, allow_version: bool) -> None:
        code = self.plan.subject.code
        old = read_manifest(self.directory) if (self.directory / MANIFEST).exists() else None
        if old is None and self._foreign():
            raise StudyError(f"--out {self.directory} is not empty and holds no study; choose another or empty it")
        versions = list(old["versions"]) if old else []
        others = [version for version in versions if version != code]
        if others and not allow_version:
            raise StudyError(
                f"{self.directory} holds runs of code {others[-1]}, this is {code}: choose another --out, "
                "or --allow-version to keep them and do what is missing with this code"
            )
        self.manifest = self._described(old) | {"versions": list(dict.fromkeys([*versions, code]))}

    def _foreign(self) -> bool:
        own = {PARTS, lock.NAME, POINTS, POINTS + parts.UNFINISHED, MANIFEST + parts.UNFINISHED}  # a store killed at birth
        return any(entry.name not in own for entry in self.directory.iterdir()) or any((self.directory / PARTS).iterdir())

    def _described(self, old: Mapping[str, Any] | None) -> dict[str, Any]:
        plan = self.plan
        return {
            "format": FORMAT,
            "question": plan.study.question,
            "study": plan.study.dump(),
            "task": plan.subject.task,
            "columns": list(plan.study.columns()),
            "points": len(plan.rows),
            "replications": plan.replications,
            "seeds": COMMON,
            "units": dict(plan.subject.units),
            "measures": {name: dict(facts) for name, facts in plan.subject.measures.items()},
            "sessions": list(old["sessions"]) if old else [],
            "attempts": dict(old["attempts"]) if old else {},
        }

    def _count(self, *, retry_failed: bool) -> None:
        """Mark what the parts hold; a damaged part is set aside and its runs are done again."""
        folder = self.directory / PARTS
        for left_over in folder.glob(f"*{parts.UNFINISHED}"):
            left_over.unlink()
        whole, self.damaged = parts.found(folder)
        index = self.plan.index()
        for part in whole:
            try:
                table = parts.read(part)  # all of it: any byte may be the one that is lost
            except (OSError, pa.ArrowInvalid):
                self.damaged.append(part.path)
                continue
            self._mark(table, index, retry_failed=retry_failed)
            self._note(part)
        self._number = max((int(path.name[:8]) for path in folder.iterdir() if path.name[:8].isdigit()), default=0)
        for path in self.damaged:
            path.replace(path.with_name(path.name + parts.DAMAGED))

    def _mark(self, table: pa.Table, index: Mapping[str, int], *, retry_failed: bool) -> None:
        replications = table["seed"].to_numpy() - self.plan.study.seed
        known = np.array([index.get(digest, -1) for digest in table["digest"].to_pylist()], dtype=np.int64)
        wanted = (known >= 0) & (replications >= 0) & (replications < self.plan.replications)
        if retry_failed:
            wanted &= np.array([status != FAILED for status in table["status"].to_pylist()], dtype=np.bool_)
        self.done[known[wanted], replications[wanted]] = True

    def _write_points(self) -> None:
        columns: dict[str, Any] = {"digest": list(self.plan.digests)}
        for place, name in enumerate(self.plan.study.columns()):
            columns[f"p.{name}"] = _values([row[place] for row in self.plan.rows])
        parts.write(pa.table(columns), self.directory / POINTS, self.plan.subject.code)

    def _write_manifest(self) -> None:
        write_json(self.directory / MANIFEST, self.manifest)


def read_manifest(directory: Path) -> dict[str, Any]:
    """The manifest of a store; StudyError where there is none that can be read."""
    try:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StudyError(f"{directory} holds no study: no {MANIFEST} there") from None
    except (OSError, ValueError) as error:
        raise StudyError(f"{directory / MANIFEST} cannot be read: {' '.join(str(error).split())}") from None
    if manifest.get("format") != FORMAT:
        raise StudyError(f"{directory} holds a study of format {manifest.get('format')}, this program reads format {FORMAT}")
    return dict(manifest)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Put JSON under `path`, at once or not at all; StudyError if it cannot be written."""
    beside = path.with_name(path.name + parts.UNFINISHED)
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StudyError(f"{path} cannot be written: {error.strerror or error}; what was stored before is intact") from None


def _values(values: Iterable[Any]) -> pa.Array:
    """Numbers, booleans and texts as they are; anything else, and any mixture, as texts."""
    given = list(values)
    kinds = {"number" if type(value) in (int, float) else type(value).__name__ for value in given if value is not None}
    if kinds <= {"number"}:
        whole = all(isinstance(value, int) for value in given if value is not None)
        return pa.array(given if whole else [None if value is None else float(value) for value in given])
    if kinds == {"bool"}:
        return pa.array(given)
    return pa.array([None if value is None else label(value) for value in given], pa.string())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
