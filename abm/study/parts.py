"""Parts: Parquet files of many runs, each complete or absent.

A part is written beside, synced and renamed; its metadata holds the version of the code. Pages carry checksums.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from abm.study.errors import StudyError

CODE = b"code"
UNFINISHED = ".unfinished"
DAMAGED = ".damaged"


@dataclass(frozen=True)
class Part:
    """A readable part and the version of the code that made its runs."""

    path: Path
    code: str


def write(table: pa.Table, path: Path, code: str) -> Part:
    """Put a table under `path`, at once or not at all; StudyError if it cannot be written."""
    beside = path.with_name(path.name + UNFINISHED)
    try:
        with beside.open("wb") as file:
            pq.write_table(
                table.replace_schema_metadata({CODE: code.encode()}), file, compression="zstd", write_page_checksum=True
            )
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        sync(path.parent)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StudyError(f"{path} cannot be written: {error.strerror or error}; what was stored before is intact") from None
    return Part(path, code)


def sync(directory: Path) -> None:
    """Make renames in a directory survive a loss of power, where the system can."""
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError:  # Windows opens no directories
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def found(directory: Path) -> tuple[list[Part], list[Path]]:
    """The readable parts in the order they were written, and those that are damaged."""
    whole, damaged = [], []
    for path in sorted(directory.glob("*.parquet")):
        try:
            metadata = pq.read_schema(path).metadata or {}
        except (OSError, pa.ArrowInvalid):
            damaged.append(path)
        else:
            whole.append(Part(path, metadata.get(CODE, b"").decode()))
    return whole, damaged


def table_of(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows as columns of one type each: whole numbers, numbers, booleans or texts; a mixture becomes texts."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: _column([row.get(name) for row in rows]) for name in names})


def _column(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        pass
    if all(value is None or isinstance(value, (int, float)) for value in values):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables one under the other; whole numbers and numbers become numbers, other disagreements texts."""
    tables = [table.replace_schema_metadata(None) for table in tables]
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.concat_tables(_as_texts(tables), promote_options="permissive")


def read(part: Part, wanted: Callable[[str], bool] = lambda name: True) -> pa.Table:
    """The table of a part, only the wanted columns; OSError or ArrowInvalid where a byte of them is not what was written."""
    with pq.ParquetFile(part.path, page_checksum_verification=True) as file:
        return file.read([name for name in file.schema_arrow.names if wanted(name)])


def merged(small: Sequence[Part]) -> Part:
    """Many parts as one, in the place of the last; killed between the two, runs stand there twice, which readers bear."""
    whole = write(joined([read(part) for part in small]), small[-1].path, small[-1].code)
    for part in small[:-1]:
        part.path.unlink()
    return whole


def _as_texts(tables: Sequence[pa.Table]) -> list[pa.Table]:
    kinds: dict[str, set[str]] = {}
    for table in tables:
        for field in table.schema:
            kind = "number" if pa.types.is_integer(field.type) or pa.types.is_floating(field.type) else str(field.type)
            if not pa.types.is_null(field.type):
                kinds.setdefault(field.name, set()).add(kind)
    mixed = {name for name, seen in kinds.items() if len(seen) > 1}
    changed = []
    for table in tables:
        for name in mixed & set(table.column_names):
            place = table.column_names.index(name)
            texts = pa.array([None if v is None else str(v) for v in table[name].to_pylist()], pa.string())
            table = table.set_column(place, name, texts)  # noqa: PLW2901
        changed.append(table)
    return changed
