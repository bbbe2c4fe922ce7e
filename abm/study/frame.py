"""Reading a store back: one tidy row per run of the study as it stands, in the order of its design."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from abm.study import parts
from abm.study.errors import StudyError
from abm.study.store import PARTS, POINTS, read_manifest
from abm.study.work import DONE

DAMAGED = "is damaged; run the sweep again: it repeats what is lost"
KEYS = ("digest", "seed", "status")
HEAD = ("replication", "seed", "status")
NOTHING = pa.schema([("digest", pa.string()), ("seed", pa.int64()), ("status", pa.string())]).empty_table()


def load(directory: str | Path, measures: Sequence[str] = ("*",), *, numbered: bool = False) -> pd.DataFrame:
    """Swept parameters, `replication`, `seed`, `status`, flat measures by dotted names; `wall_*` and `host_*` last.

    `measures` are shell patterns of the measures to read; `numbered` puts the number of the point first, as `point`.
    Runs that are not done have no row; a failed one has its parameters and no measures. Runs of several versions of the
    code are told apart by a column `code`. StudyError if `directory` holds no study. Not suitable for a study that is
    larger than memory: `batches` is.
    """
    directory = Path(directory)
    points, tables = _points(directory), list(_tables(directory, measures))
    runs = parts.joined(tables or [NOTHING]).to_pandas()
    del tables
    rows = _arranged(runs, points, read_manifest(directory))
    return rows if numbered else rows.drop(columns="point")


def batches(directory: str | Path, measures: Sequence[str] = ("*",)) -> Iterator[pd.DataFrame]:
    """The rows of `load` a part of the store at a time, as they were written: memory for one part, and some bytes a run."""
    directory = Path(directory)
    points, manifest = _points(directory), read_manifest(directory)
    schemas = [pq.read_schema(part.path) for part in parts.found(directory / PARTS)[0]]
    kinds = parts.joined([schema.empty_table() for schema in schemas] or [NOTHING])  # every batch has the same columns
    kinds = kinds.select(list(filter(_wanted(measures), kinds.column_names)))
    for table in _tables(directory, measures):
        yield _arranged(parts.joined([kinds, table]).to_pandas(), points, manifest).drop(columns="point")


def failures(directory: str | Path) -> pd.DataFrame:
    """The failed runs with their `error`: digest of the point, its parameters and seed."""
    directory = Path(directory)
    failed = _failed(directory)
    rows = _points(directory).drop_duplicates("digest").merge(failed, on="digest", how="inner", sort=False)
    return rows.sort_values(["order", "seed"], ignore_index=True).rename(columns=lambda name: name.removeprefix("p."))


def _failed(directory: Path) -> pd.DataFrame:
    """Stored runs that failed and were never done; reads one part at a time, so that a long study costs no more memory."""
    whole, _ = parts.found(directory / PARTS)
    found: dict[tuple[str, int], str] = {}
    for part in whole:
        table = _read(part, {*KEYS, "error"}.__contains__)
        for row in table.filter(pc.not_equal(table["status"], DONE)).to_pylist():
            found[row["digest"], row["seed"]] = row["error"]
    for part in whole if found else ():
        table = _read(part, KEYS.__contains__)
        done = table.filter(pc.equal(table["status"], DONE))
        for key in zip(done["digest"].to_pylist(), done["seed"].to_pylist(), strict=True):
            found.pop(key, None)
    rows = [(digest, seed, error) for (digest, seed), error in found.items()]
    return pd.DataFrame(rows, columns=["digest", "seed", "error"])


def _points(directory: Path) -> pd.DataFrame:
    read_manifest(directory)  # says it if there is no study
    try:
        points: pd.DataFrame = pq.read_table(directory / POINTS).to_pandas()
    except (OSError, pa.ArrowInvalid) as error:
        raise StudyError(f"{directory / POINTS} cannot be read: {' '.join(str(error).split())}") from None
    points["order"] = range(len(points))
    return points


def _tables(directory: Path, measures: Sequence[str]) -> Iterator[pa.Table]:
    """Every stored run of the study once, part by part: the last done one, or else the last failed one."""
    manifest = read_manifest(directory)
    whole, damaged = parts.found(directory / PARTS)
    if damaged:
        raise StudyError(f"{damaged[0]} {DAMAGED}")
    versions = len(manifest["versions"]) > 1
    for part, valid in zip(whole, _valid(directory, whole, manifest), strict=True):
        if valid.any():
            table = _read(part, _wanted(measures)).filter(pa.array(valid))
            yield table.append_column("code", pa.array([part.code] * len(table))) if versions else table


def _wanted(measures: Sequence[str]) -> Callable[[str], bool]:
    """Whether a stored column is read."""

    def wanted(name: str) -> bool:
        around = name in KEYS or name.startswith(("wall_", "host_"))
        return around or (name.startswith("m.") and any(fnmatchcase(name[2:], pattern) for pattern in measures))

    return wanted


def _valid(directory: Path, whole: Sequence[parts.Part], manifest: dict[str, Any]) -> list[NDArray[np.bool_]]:
    """(n_rows,) for each part: whether a row is asked for and the one that counts for its run."""
    index = pd.Index(_points(directory)["digest"].unique())
    seed = int(manifest["study"].get("seed", 0))
    found = []
    for number, part in enumerate(whole):
        table = _read(part, KEYS.__contains__)
        replication = table["seed"].to_numpy() - seed
        point = index.get_indexer(table["digest"].to_pandas()).astype(np.int32)
        asked = (point >= 0) & (replication >= 0) & (replication < manifest["replications"])
        run = np.where(asked, point * np.int64(manifest["replications"]) + replication, -1)
        found.append(pd.DataFrame({"run": run, "done": np.asarray(pc.equal(table["status"], DONE)), "part": np.int32(number)}))
    if not found:
        return []
    rows = pd.concat(found, ignore_index=True)
    last = ~rows.sort_values("done", kind="stable").duplicated("run", keep="last").sort_index() & (rows["run"] >= 0)
    return np.split(last.to_numpy(), np.cumsum([len(table) for table in found])[:-1])


def _read(part: parts.Part, wanted: Callable[[str], bool]) -> pa.Table:
    try:
        return parts.read(part, wanted)
    except (OSError, pa.ArrowInvalid):
        raise StudyError(f"{part.path} {DAMAGED}") from None


def _arranged(runs: pd.DataFrame, points: pd.DataFrame, manifest: Mapping[str, Any]) -> pd.DataFrame:
    """Runs with the parameters of their points, in the order of the design and with the columns in theirs."""
    runs["replication"] = runs["seed"] - int(manifest["study"].get("seed", 0))
    rows = points.merge(runs, on="digest", how="inner", sort=False)
    rows = rows.sort_values(["order", "replication"], kind="stable", ignore_index=True)
    last = [name for name in rows.columns if name.startswith(("wall_", "host_"))]
    swept = [name for name in rows.columns if name.startswith("p.")]
    measured = sorted(name for name in rows.columns if name.startswith("m."))
    extra = ["code"] if "code" in rows.columns else []
    rows = rows[["order", *swept, *HEAD, *extra, *measured, *last]]
    return rows.rename(columns={name: name[2:] for name in (*swept, *measured)} | {"order": "point"})
