"""Replay of a recorded price path as the outside value: reading, checking and putting it onto the steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from abm.record import Record, param
from abm.world.shocks import nearest, steps

if TYPE_CHECKING:
    import pandas as pd

LATEST_SECONDS = 1e11  # the year 5138: larger numbers are milliseconds or finer


@dataclass(frozen=True)
class Replay:
    """A recorded path on the steps of a run."""

    names: tuple[str, ...]  # assets that are replayed
    rows: NDArray[np.int64]  # (n_replayed,), their rows among the assets
    price: NDArray[np.float64]  # (n_steps + 1, n_replayed), currency units, row 0 is the opening
    noise: bool  # whether the drawn process still acts on the replayed assets

    def onto(self, drawn: NDArray[np.float64], opening: NDArray[np.float64], step: int) -> NDArray[np.float64]:
        """The values (n_assets,) with the replayed assets on their path, times drawn / opening if noise stays on."""
        value = drawn.copy()
        value[self.rows] = self.price[step]
        if self.noise:
            value[self.rows] *= drawn[self.rows] / opening[self.rows]
        return value


class Path(Record):
    """A file of prices that drives the outside value: CSV or Parquet, a time column and one column per asset.

    Times are ISO-8601 (UTC unless an offset is given) or seconds, rising, at any spacing. Not suitable as a test of
    contagion where the recording already contains the cascade: books then fall with the recording.
    """

    file: str = param(unit="path", source="scenario", help="CSV or Parquet file; relative to the scenario file.", min_length=1)
    time: str = param("time", unit="column", source="convention", help="Name of the time column.", min_length=1)
    start: float | str | None = param(
        None, unit="s or ISO-8601", source="default: the first row", help="Time in the file that is the opening of the run."
    )
    assets: tuple[str, ...] = param(
        (), unit="names", source="default: every asset that has a column", strict=False,
        help="Assets that must be replayed; others keep their own process.",
    )  # fmt: skip
    interpolation: Literal["previous", "linear"] = param(
        "previous", unit="rule", source="no look-ahead: a step knows only past prices", help="Price between two rows."
    )
    scale: Literal["relative", "absolute"] = param(
        "relative", unit="rule", source="the path's moves on the scenario's opening price",
        help="Replay moves relative to the opening price, or the prices themselves.",
    )  # fmt: skip
    noise: bool = param(
        False, unit="switch", source="a recording has its own noise", help="Whether the drawn process acts on top of the path."
    )

    @field_validator("start", mode="before")
    @classmethod
    def _plain_time(cls, start: Any) -> Any:
        return start.isoformat() if isinstance(start, datetime) else start  # TOML has date-times of its own

    def check(self, names: Sequence[str], duration: float, base_dir: FilePath) -> None:
        """Raise ValueError, in one line, if the file cannot be replayed for `duration` seconds."""
        self.load(names, np.ones(len(names)), duration, duration, base_dir)

    def load(
        self, names: Sequence[str], opening: NDArray[np.float64], step_seconds: float, duration: float, base_dir: FilePath
    ) -> Replay:
        """Read and check the file and put its prices onto the steps; `opening` is (n_assets,), currency units."""
        frame, header = _read(base_dir / self.file, self.file, self.time)
        seconds, start = self._seconds(frame, header)
        replayed = self._replayed(frame, names)
        price = np.column_stack([self._price(frame[name], header) for name in replayed])
        at = start + np.arange(steps(duration, step_seconds) + 1, dtype=np.float64) * step_seconds
        self._refuse_outside(seconds, start, duration)
        path = _onto(at, seconds, price, linear=self.interpolation == "linear")
        rows = np.array([list(names).index(name) for name in replayed], dtype=np.int64)
        if self.scale == "relative":
            path = path / path[0] * opening[rows]
        return Replay(tuple(replayed), rows, path, self.noise)

    def _seconds(self, frame: pd.DataFrame, header: int) -> tuple[NDArray[np.float64], float]:
        """Times of the rows and of the opening, in seconds since the first row (n_rows,)."""
        seconds, first = _seconds_since_first(self.file, frame[self.time], header)
        rise = np.diff(seconds)
        for row in np.flatnonzero(rise <= 0.0)[:1]:
            what = "repeats the time of the row before" if rise[row] == 0.0 else "is earlier than the row before"
            raise ValueError(f"{self.file}: row {row + 1 + header} {what}; times must rise")
        if self.start is None:
            return seconds, 0.0
        return seconds, _start(self.file, self.start, first)

    def _replayed(self, frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
        columns = [str(column) for column in frame.columns if column != self.time]
        for asset in self.assets:
            if asset not in names:
                raise ValueError(f"{self.file}: path.assets names {asset!r}, not an asset; {nearest(asset, names)}")
            if asset not in columns:
                raise ValueError(f"{self.file}: no column for asset {asset!r}; {nearest(asset, columns)}")
        replayed = list(self.assets) or [name for name in names if name in columns]
        if not replayed:
            raise ValueError(f"{self.file}: no column for any asset ({', '.join(names)}), columns are {', '.join(columns)}")
        return replayed

    def _price(self, column: pd.Series[Any], header: int) -> NDArray[np.float64]:
        price, missing = _numbers(column)
        rules = ((missing, "is missing"), (~np.isfinite(price), "is not a number"), (price <= 0.0, "must be above 0"))
        for broken, rule in rules:
            for row in np.flatnonzero(broken)[:1]:
                was = "" if broken is missing else f", was {column.iloc[row]}"
                raise ValueError(f"{self.file}: row {row + header}: price of {column.name} {rule}{was}")
        return price

    def _refuse_outside(self, seconds: NDArray[np.float64], start: float, duration: float) -> None:
        if start < 0.0 or start > seconds[-1]:
            raise ValueError(f"{self.file}: path.start {self.start} is outside the recording"
                             f" (first row {-start:+.10g} s, last row {seconds[-1] - start:+.10g} s from it)")  # fmt: skip
        if start + duration > seconds[-1] * (1.0 + 1e-12):
            raise ValueError(f"{self.file}: the path ends {seconds[-1] - start:.10g} s after the opening, the run lasts"
                             f" {duration:.10g} s; shorten the run or start earlier")  # fmt: skip


def _read(path: FilePath, file: str, time: str) -> tuple[pd.DataFrame, int]:
    """The table and the number of its first data row: 2 in a CSV, whose row 1 is the header, 1 in a Parquet file."""
    import pandas as pd  # noqa: PLC0415  (half a second: only where a file is read)

    parquet = path.suffix.lower() in {".parquet", ".pq"}
    try:
        path.open("rb").close()  # absent files and folders fail alike, whatever the format
        frame = pd.read_parquet(path) if parquet else _read_csv(path)
    except ImportError as error:
        raise ValueError(f"{file}: reading Parquet needs pyarrow; install it or use CSV") from error
    except Exception as error:  # the readers raise errors of a dozen kinds; to the user each is a file that cannot be read
        raise ValueError(f"{file}: cannot be read: {_one_line(error).replace(str(path), file)}") from error
    if frame.index.name == time:
        frame = frame.reset_index()
    if time not in frame.columns:
        raise ValueError(f"{file}: no time column {time!r}, columns are {', '.join(map(str, frame.columns)) or 'none'}")
    for column in frame.columns[frame.columns.duplicated()]:
        raise ValueError(f"{file}: column {column!r} occurs twice")
    if frame.empty:
        raise ValueError(f"{file}: has no rows")
    return frame, 1 if parquet else 2


def _read_csv(path: FilePath) -> pd.DataFrame:
    """A CSV as text, blank lines kept, so that row numbers are those of the file."""
    import pandas as pd  # noqa: PLC0415

    table = pd.read_csv(path, header=None, dtype=str, keep_default_na=False, skip_blank_lines=False)
    table.columns = pd.Index([str(name).strip() for name in table.iloc[0]])
    return table.iloc[1:].reset_index(drop=True)


def _one_line(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return str(text).strip().splitlines()[0] if str(text).strip() else type(error).__name__


def _numbers(column: pd.Series[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A column as numbers, NaN where it holds none, and where it is empty; both (n_rows,)."""
    import pandas as pd  # noqa: PLC0415

    text = column.astype(str).str.strip().str.lower()
    missing = (column.isna() | text.isin(["", "nan", "na", "null", "none"])).to_numpy(dtype=bool)
    if pd.api.types.is_bool_dtype(column):
        return np.full(len(column), np.nan), missing
    numbers = pd.to_numeric(column.mask(missing), errors="coerce")
    return numbers.to_numpy(dtype=np.float64, na_value=np.nan), missing


def _seconds_since_first(file: str, column: pd.Series[Any], header: int) -> tuple[NDArray[np.float64], Any]:
    """Seconds since the first row (n_rows,), and the first time itself: a number or a time stamp."""
    import pandas as pd  # noqa: PLC0415

    if not pd.api.types.is_datetime64_any_dtype(column):
        seconds, missing = _numbers(column)
        if np.isfinite(seconds[0]):
            for row in np.flatnonzero(~np.isfinite(seconds))[:1]:
                _refuse_time(file, column, row, header, missing)
            for row in np.flatnonzero(np.abs(seconds) > LATEST_SECONDS)[:1]:
                raise ValueError(f"{file}: row {row + header}: time {column.iloc[row]} is too large for seconds;"
                                 " divide milliseconds by 1000")  # fmt: skip
            return seconds - seconds[0], float(seconds[0])
    stamps = pd.to_datetime(column, utc=True, format="ISO8601", errors="coerce")
    missing = (column.isna() | (column.astype(str).str.strip() == "")).to_numpy(dtype=bool)
    for row in np.flatnonzero(stamps.isna())[:1]:
        _refuse_time(file, column, row, header, missing)
    since = (stamps - stamps.iloc[0]).dt.total_seconds()
    return np.asarray(since, dtype=np.float64), stamps.iloc[0]


def _refuse_time(file: str, column: pd.Series[Any], row: int, header: int, missing: NDArray[np.bool_]) -> None:
    if missing[row]:
        raise ValueError(f"{file}: row {row + header}: time is missing")
    raise ValueError(f"{file}: row {row + header}: time must be ISO-8601 or seconds throughout, was {column.iloc[row]}")


def _start(file: str, start: float | str, first: Any) -> float:
    """Seconds from the first row to `start`, which is given in the manner of the file."""
    import pandas as pd  # noqa: PLC0415

    if isinstance(start, str) == isinstance(first, float):
        wanted, was = ("seconds", "a text") if isinstance(first, float) else ("an ISO-8601 text", "a number")
        raise ValueError(f"{file}: path.start must be {wanted} like the file's times, was {was} ({start})")
    if isinstance(first, float):
        return float(start) - first
    stamp = pd.to_datetime(start, utc=True, format="ISO8601", errors="coerce")
    if pd.isna(stamp):
        raise ValueError(f"{file}: path.start must be an ISO-8601 time, was {start!r}")
    return float((stamp - first).total_seconds())


def _onto(
    at: NDArray[np.float64], seconds: NDArray[np.float64], price: NDArray[np.float64], *, linear: bool
) -> NDArray[np.float64]:
    """Prices (n_rows, n) at the times `at`: those of the row before or, if linear, on the line to the next row."""
    before = np.clip(np.searchsorted(seconds, at * (1.0 + 1e-12), side="right") - 1, 0, len(seconds) - 1)
    if not linear:
        return price[before]
    after = np.minimum(before + 1, len(seconds) - 1)
    gap = np.where(after > before, seconds[after] - seconds[before], 1.0)
    share = np.clip((at - seconds[before]) / gap, 0.0, 1.0)[:, None]
    return price[before] + (price[after] - price[before]) * share
