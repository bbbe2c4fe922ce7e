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
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from abm.clearing.margin.tiered import Bracket
from abm.record import param
from abm.rows import Row, csv_rows, refuse_columns, text_of

_VENUE = "the venue's table"
REQUIRED = ("symbol", "min_notional", "mmr", "max_leverage")
OPTIONAL = ("tier", "max_notional", "maint_amount_cum")
COLUMNS = ("symbol", "tier", "min_notional", "max_notional", "mmr", "max_leverage", "maint_amount_cum")  # as written


class Listed(Bracket):
    """A bracket with everything that the venue publishes of it.

    The ceiling of the last bracket, beyond which a venue opens no position, is kept but limits nothing here.
    """

    max_leverage: float = param(unit="notional / initial margin", source=_VENUE, help="Reciprocal of the initial rate.", ge=1)
    ceiling: float | None = param(None, unit="currency", source=_VENUE, help="Notional at which the bracket ends.")
    maintenance_amount: float | None = param(None, unit="currency", source=_VENUE, help="Deducted from rate x notional.")


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
    by_contract: dict[str, list[Row]] = {}
    for row in _rows(path):
        by_contract.setdefault(row.cells["symbol"], []).append(row)
    if not by_contract:
        raise ValueError(f"{path}: has no brackets")
    return {contract: _ladder(contract, rows) for contract, rows in by_contract.items()}


def _rows(path: str) -> Iterator[Row]:
    if _suffix(Path(path)) == ".toml":
        return _rows_of_toml(path)
    return csv_rows(path, REQUIRED, OPTIONAL)


def _rows_of_toml(path: str) -> Iterator[Row]:
    try:
        tree = tomllib.loads(text_of(path))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: not valid TOML: {' '.join(str(error).split())}") from None
    for contract, ladder in tree.items():
        if not isinstance(ladder, list) or not all(isinstance(bracket, dict) for bracket in ladder):
            raise ValueError(f"{path}: {contract} must be a list of brackets")
        for place, bracket in enumerate(ladder, 1):
            where = f"{path}: {contract} bracket {place}"
            refuse_columns(where, ["symbol", *bracket], REQUIRED, OPTIONAL)
            yield Row(where, {"symbol": contract, **{key: str(value) for key, value in bracket.items()}})


def _ladder(contract: str, rows: Sequence[Row]) -> tuple[Listed, ...]:
    """The brackets of a contract; every rule broken is a ValueError at the row that breaks it."""
    ladder: list[Listed] = []
    amount = Decimal(0)
    for place, row in enumerate(rows):
        floor, rate, leverage = (row.required(name) for name in ("min_notional", "mmr", "max_leverage"))
        ceiling, stated = row.number("max_notional"), row.number("maint_amount_cum")
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


def _refuse_order(row: Row, contract: str, last: Row, floor: Decimal, rate: Decimal) -> None:
    below, lower, end = last.required("min_notional"), last.required("mmr"), last.number("max_notional")
    if floor <= below:
        raise ValueError(f"{row.where}: min_notional of {contract} must be above {below:f}, was {floor:f}")
    if end is not None and floor != end:
        raise ValueError(f"{row.where}: min_notional of {contract} must be {end:f}, where the last bracket ends, was {floor:f}")
    if rate < lower:
        raise ValueError(f"{row.where}: mmr of {contract} must be at least {lower:f}, was {rate:f}")


def _bracket(
    row: Row, contract: str, floor: Decimal, rate: Decimal, leverage: Decimal, ceiling: Decimal | None, stated: Decimal | None
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
