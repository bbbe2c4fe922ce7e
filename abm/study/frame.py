"""Reading a store back: one tidy row per run of the study as it stands, in the order of its design."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from abm.study import parts
from abm.study.errors import StudyError
from abm.study.store import PARTS, POINTS, read_manifest
from abm.study.work import DONE

DAMAGED = "is damaged; run the sweep again: it repeats what is lost"
KEYS = ("digest", "seed", "status")
HEAD = ("replication", "seed", "status")


def load(directory: str | Path, measures: Sequence[str] = ("*",), *, numbered: bool = False) -> pd.DataFrame:
    """Swept parameters, `replication`, `seed`, `status`, flat measures by dotted names; `wall_*` and `host_*` last.

    `measures` are shell patterns of the measures to read; `numbered` puts the number of the point first, as `point`.
    Runs that are not done have no row; a failed one has its parameters and no measures. Runs of several versions of the
    code are told apart by a column `code`. StudyError if `directory` holds no study.
    """
    directory = Path(directory)
    manifest = read_manifest(directory)
    points = _points(directory)
    runs = _runs(directory, measures, versions=len(manifest["versions"]) > 1)
    seed = int(manifest["study"].get("seed", 0))
    runs["replication"] = runs["seed"] - seed
    runs = runs[(runs["replication"] >= 0) & (runs["replication"] < manifest["replications"])]
    rows = points.merge(runs, on="digest", how="inner", sort=False)
    rows = rows.sort_values(["order", "replication"], kind="stable", ignore_index=True)
    last = [name for name in rows.columns if name.startswith(("wall_", "host_"))]
    swept = [name for name in rows.columns if name.startswith("p.")]
    measured = sorted(name for name in rows.columns if name.startswith("m."))
    extra = ["code"] if "code" in rows.columns else []
    rows = rows.rename(columns={"order": "point"})
    first = ["point"] if numbered else []
    rows = rows[[*first, *swept, *HEAD, *extra, *measured, *last]]
    return rows.rename(columns={name: name[2:] for name in (*swept, *measured)})


def failures(directory: str | Path) -> pd.DataFrame:
    """The failed runs with their `error`: digest of the point, its parameters and seed."""
    directory = Path(directory)
    failed = _failed(directory)
    rows = _points(directory).drop_duplicates("digest").merge(failed, on="digest", how="inner", sort=False)
    return rows.sort_values(["order", "seed"], ignore_index=True).rename(columns=lambda name: name.removeprefix("p."))


def _failed(directory: Path) -> pd.DataFrame:
    """Stored runs that failed and were not done later; reads one part at a time, so that a long study costs no more memory."""
    whole, _ = parts.found(directory / PARTS)
    found: dict[tuple[str, int], str] = {}
    for _, table in parts.read(whole, ["digest", "seed", "status", "error"]):
        if found:
            done = table.filter(pc.equal(table["status"], DONE))
            for key in zip(done["digest"].to_pylist(), done["seed"].to_pylist(), strict=True):
                found.pop(key, None)
        for row in table.filter(pc.not_equal(table["status"], DONE)).to_pylist():
            found[row["digest"], row["seed"]] = row["error"]
    rows = [(digest, seed, error) for (digest, seed), error in found.items()]
    return pd.DataFrame(rows, columns=["digest", "seed", "error"])


def _points(directory: Path) -> pd.DataFrame:
    try:
        points: pd.DataFrame = pq.read_table(directory / POINTS).to_pandas()
    except (OSError, pa.ArrowInvalid) as error:
        raise StudyError(f"{directory / POINTS} cannot be read: {' '.join(str(error).split())}") from None
    points["order"] = range(len(points))
    return points


def _runs(directory: Path, measures: Sequence[str], *, versions: bool) -> pd.DataFrame:
    """Every stored run once: the last done one, or else the last failed one."""
    whole, damaged = parts.found(directory / PARTS)
    if damaged:
        raise StudyError(f"{damaged[0]} {DAMAGED}")
    tables = []
    for part in whole:
        names = pq.read_schema(part.path).names
        kept = [n for n in names if n.startswith("m.") and any(fnmatchcase(n[2:], pattern) for pattern in measures)]
        around = [*KEYS, *kept, *(n for n in names if n.startswith(("wall_", "host_")))]
        try:
            ((_, table),) = parts.read([part], around)
        except (OSError, pa.ArrowInvalid):
            raise StudyError(f"{part.path} {DAMAGED}") from None
        tables.append(table.append_column("code", pa.array([part.code] * len(table))) if versions else table)
    if not tables:
        return pd.DataFrame({name: pd.Series(dtype="int64" if name == "seed" else "object") for name in KEYS})
    runs: pd.DataFrame = parts.joined(tables).to_pandas()
    runs["_done"] = runs["status"] == DONE
    runs = runs.sort_values("_done", kind="stable").drop_duplicates(["digest", "seed"], keep="last")
    return runs.drop(columns="_done")
