"""Tables of the user's own as rows of text, each with its place as a user counts it: file and row, the header being row 1."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple


class Row(NamedTuple):
    """One row of a table."""

    where: str  # begins every message about it
    cells: Mapping[str, str]

    def number(self, name: str) -> Decimal | None:
        """The number in a cell exactly as it is written, None where it is empty; ValueError if it is none."""
        text = self.cells.get(name, "")
        if not text:
            return None
        try:
            number = Decimal(text)
        except InvalidOperation:
            raise ValueError(f"{self.where}: {name} must be a number, was {text!r}") from None
        if not number.is_finite():
            raise ValueError(f"{self.where}: {name} must be finite, was {text!r}")
        return number

    def required(self, name: str) -> Decimal:
        """`number` of a cell that must be filled."""
        number = self.number(name)
        if number is None:
            raise ValueError(f"{self.where}: {name} is missing")
        return number


def text_of(path: str) -> str:
    """The content of a text file, compressed or not; ValueError if it cannot be read."""
    try:
        data = Path(path).read_bytes()
        return (gzip.decompress(data) if path.endswith(".gz") else data).decode("utf-8-sig")
    except (OSError, EOFError) as error:
        raise ValueError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path}: cannot be read: not a text file in UTF-8") from None


def csv_rows(path: str, required: Sequence[str], optional: Sequence[str] = ()) -> Iterator[Row]:
    """The rows of a CSV whose first row names the columns; blank rows are left out. ValueError at the row that is wrong."""
    reader = csv.reader(io.StringIO(text_of(path), newline=""))
    header = [name.strip() for name in next(reader, [])]
    refuse_columns(f"{path}: row 1", header, required, optional)
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise ValueError(f"{path}: row {reader.line_num} must have {len(header)} columns, has {len(cells)}")
        yield Row(f"{path}: row {reader.line_num}", dict(zip(header, (cell.strip() for cell in cells), strict=True)))


def refuse_columns(where: str, names: Iterable[str], required: Sequence[str], optional: Sequence[str]) -> None:
    """ValueError unless `names` are all the required ones and some of the optional, each once."""
    names = list(names)
    if missing := [name for name in required if name not in names]:
        raise ValueError(f"{where}: no column {missing[0]!r}, columns are {', '.join(names) or 'none'}")
    if unknown := [name for name in names if name not in (*required, *optional)]:
        raise ValueError(f"{where}: unknown column {unknown[0]!r}, known are {', '.join((*required, *optional))}")
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"{where}: column {twice[0]!r} occurs twice")
