"""Tables of margin brackets as venues publish them: CSV or TOML files of many contracts, read without loss and written back.

CSV, one row per bracket, contracts in any order: `symbol, min_notional, mmr, max_leverage` and, where the venue states them,
`tier, max_notional, maint_amount_cum`. TOML, one list per contract: `[["BTC/USDT:USDT"]]` with the same keys but `symbol`.
Both may be compressed (`.gz`).
"""

from __future__ import annotations

import csv
import gzip
import io
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from abm.clearing.margin.tiered import Bracket
from abm.record import param

_VENUE = "the venue's table"
REQUIRED = ("symbol", "min_notional", "mmr", "max_leverage")
COLUMNS = ("symbol", "tier", "min_notional", "max_notional", "mmr", "max_leverage", "maint_amount_cum")


class Listed(Bracket):
    """A bracket with everything that the venue publishes of it.

    The ceiling of the last bracket, beyond which a venue opens no position, is kept but limits nothing here.
    """

    max_leverage: float = param(unit="notional / initial margin", source=_VENUE, help="Reciprocal of the initial rate.", ge=1)
    ceiling: float | None = param(None, unit="currency", source=_VENUE, help="Notional at which the bracket ends.")
    maintenance_amount: float | None = param(None, unit="currency", source=_VENUE, help="Deducted from rate x notional.")


class _Row(NamedTuple):
    where: str  # file and row, as a user counts them
    cells: Mapping[str, str]


def load(path: str | Path) -> dict[str, tuple[Listed, ...]]:
    """Contract -> its brackets from floor 0 upwards. ValueError, one line with file and row, if the table is not one."""
    file = Path(path)
    try:
        stamp = file.stat()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    return dict(_loaded(str(path), stamp.st_mtime_ns, stamp.st_size))


def save(path: str | Path, tables: Mapping[str, Sequence[Listed]]) -> None:
    """Write tables so that `load` gives equal ones; CSV or TOML by the name of the file."""
    rows = [
        {
            "symbol": contract,
            "tier": str(tier),
            "min_notional": repr(b.floor),
            "max_notional": "" if b.ceiling is None else repr(b.ceiling),
            "mmr": repr(b.maintenance_rate),
            "max_leverage": repr(b.max_leverage),
            "maint_amount_cum": "" if b.maintenance_amount is None else repr(b.maintenance_amount),
        }
        for contract, ladder in tables.items()
        for tier, b in enumerate(ladder, 1)
    ]
    text = _toml(rows) if _suffix(Path(path)) == ".toml" else _csv(rows)
    data = text.encode()
    Path(path).write_bytes(gzip.compress(data, mtime=0) if Path(path).suffix == ".gz" else data)


@lru_cache(maxsize=8)
def _loaded(path: str, modified: int, size: int) -> dict[str, tuple[Listed, ...]]:
    """The tables of a file in the state that `modified` and `size` tell from others."""
    by_contract: dict[str, list[_Row]] = {}
    for row in _rows(path):
        by_contract.setdefault(row.cells["symbol"], []).append(row)
    if not by_contract:
        raise ValueError(f"{path}: has no brackets")
    return {contract: _ladder(contract, rows) for contract, rows in by_contract.items()}


def _rows(path: str) -> Iterator[_Row]:
    try:
        data = Path(path).read_bytes()
        text = (gzip.decompress(data) if path.endswith(".gz") else data).decode()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path}: cannot be read: not a text file in UTF-8") from None
    yield from _rows_of_toml(path, text) if _suffix(Path(path)) == ".toml" else _rows_of_csv(path, text)


def _rows_of_csv(path: str, text: str) -> Iterator[_Row]:
    reader = csv.reader(io.StringIO(text, newline=""))
    header = [name.strip() for name in next(reader, [])]
    _refuse_columns(f"{path}: row 1", header)
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise ValueError(f"{path}: row {reader.line_num} must have {len(header)} columns, has {len(cells)}")
        yield _Row(f"{path}: row {reader.line_num}", dict(zip(header, (cell.strip() for cell in cells), strict=True)))


def _rows_of_toml(path: str, text: str) -> Iterator[_Row]:
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: not valid TOML: {' '.join(str(error).split())}") from None
    for contract, ladder in tree.items():
        if not isinstance(ladder, list) or not all(isinstance(bracket, dict) for bracket in ladder):
            raise ValueError(f"{path}: {contract} must be a list of brackets")
        for place, bracket in enumerate(ladder, 1):
            where = f"{path}: {contract} bracket {place}"
            _refuse_columns(where, ["symbol", *bracket])
            yield _Row(where, {"symbol": contract, **{key: str(value) for key, value in bracket.items()}})


def _refuse_columns(where: str, names: Iterable[str]) -> None:
    names = list(names)
    if missing := [name for name in REQUIRED if name not in names]:
        raise ValueError(f"{where}: no column {missing[0]!r}, columns are {', '.join(names) or 'none'}")
    if unknown := [name for name in names if name not in COLUMNS]:
        raise ValueError(f"{where}: unknown column {unknown[0]!r}, known are {', '.join(COLUMNS)}")


def _ladder(contract: str, rows: Sequence[_Row]) -> tuple[Listed, ...]:
    """The brackets of a contract; every rule broken is a ValueError at the row that breaks it."""
    ladder: list[Listed] = []
    amount = Decimal(0)
    for place, row in enumerate(rows):
        floor, rate = (_number(row, name) for name in ("min_notional", "mmr"))
        leverage, ceiling, stated = (_number(row, name) for name in ("max_leverage", "max_notional", "maint_amount_cum"))
        assert floor is not None and rate is not None and leverage is not None, "required columns are filled"
        last = rows[place - 1] if place else None
        if last is None and floor != 0:
            raise ValueError(f"{row.where}: the first floor of {contract} must be 0, was {floor:f}")
        if last is not None:
            amount += floor * (rate - Decimal(last.cells["mmr"]))
            _refuse_order(row, contract, last, floor, rate)
        if stated is not None and stated != amount:
            raise ValueError(f"{row.where}: maint_amount_cum of {contract} must be {amount.normalize():f}, which makes"
                             f" the margin continuous at {floor:f}, was {stated:f}")  # fmt: skip
        if ceiling is not None and ceiling <= floor:
            raise ValueError(f"{row.where}: max_notional of {contract} must be above min_notional={floor:f}, was {ceiling:f}")
        ladder.append(_bracket(row, contract, floor, rate, leverage, ceiling, stated))
        if last is not None and ladder[-1].max_leverage > ladder[-2].max_leverage:
            raise ValueError(f"{row.where}: max_leverage of {contract} must be at most {ladder[-2].max_leverage:g},"
                             f" was {leverage:f}")  # fmt: skip
    return tuple(ladder)


def _refuse_order(row: _Row, contract: str, last: _Row, floor: Decimal, rate: Decimal) -> None:
    below, lower = _number(last, "min_notional"), _number(last, "mmr")
    end = _number(last, "max_notional")
    assert below is not None and lower is not None, "required columns are filled"
    if floor <= below:
        raise ValueError(f"{row.where}: min_notional of {contract} must be above {below:f}, was {floor:f}")
    if end is not None and floor != end:
        raise ValueError(f"{row.where}: min_notional of {contract} must be {end:f}, where the last bracket ends, was {floor:f}")
    if rate < lower:
        raise ValueError(f"{row.where}: mmr of {contract} must be at least {lower:f}, was {rate:f}")


def _bracket(
    row: _Row, contract: str, floor: Decimal, rate: Decimal, leverage: Decimal, ceiling: Decimal | None, stated: Decimal | None
) -> Listed:
    if leverage < 1:
        raise ValueError(f"{row.where}: max_leverage of {contract} must be >= 1, was {leverage:f}")
    if not 0 < rate * leverage <= 1:
        raise ValueError(f"{row.where}: mmr of {contract} must be in (0, 1 / max_leverage={1 / float(leverage):g}], was {rate:f}")
    try:
        return Listed(
            floor=float(floor),
            initial_rate=1 / float(leverage),
            maintenance_rate=float(rate),
            max_leverage=float(leverage),
            ceiling=None if ceiling is None else float(ceiling),
            maintenance_amount=None if stated is None else float(stated),
        )
    except ValidationError as error:
        raise ValueError(f"{row.where}: {contract}: {error.errors()[0]['msg']}") from None


def _number(row: _Row, name: str) -> Decimal | None:
    """The number in a cell as it is written; None where an optional one is empty."""
    text = row.cells.get(name, "")
    if not text and name not in REQUIRED:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{row.where}: {name} must be a number, was {text!r}") from None
    if not number.is_finite():
        raise ValueError(f"{row.where}: {name} must be finite, was {text!r}")
    return number


def _suffix(path: Path) -> str:
    return Path(path.stem).suffix if path.suffix == ".gz" else path.suffix


def _csv(rows: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _toml(rows: Sequence[Mapping[str, str]]) -> str:
    import tomli_w

    tree: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        numbers = {name: float(cell) for name, cell in row.items() if name not in ("symbol", "tier") and cell}
        tree.setdefault(row["symbol"], []).append(numbers)
    return tomli_w.dumps(tree)
