"""Axes: what a study varies, each a list of values, a spaced range, or named sets of overrides."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

Row = tuple[Any, ...]  # one value per column of a dimension
VALUES_MAX = 1_000_000
DIGITS = 12  # spaced values are rounded to as many significant digits: 0.3, not 0.30000000000000004


Whole = Annotated[int, Field(strict=True)]


class Entry(BaseModel):
    """A table of a study file: frozen, unknown keys refused, nothing converted but lists to tuples."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Axis(Entry):
    """The values of one parameter: a list, `{linspace = [a, b, n]}`, `{logspace = [a, b, n]}` or, to sample, `{range = [a, b]}`.

    `logspace` takes its ends themselves, not their exponents. `log` samples a range evenly in logarithms, `integer`
    rounds down to whole numbers (both ends included).
    """

    values: tuple[Any, ...] | None = None
    linspace: tuple[float, float, Whole] | None = None
    logspace: tuple[float, float, Whole] | None = None
    range: tuple[float, float] | None = None
    log: bool = False
    integer: bool = False

    @model_validator(mode="before")
    @classmethod
    def _list_means_values(cls, data: Any) -> Any:
        return {"values": tuple(data)} if isinstance(data, (list, tuple)) else data

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = [name for name in ("values", "linspace", "logspace", "range") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("must be a list, or have exactly one of linspace, logspace, range")
        if self.values is not None and not self.values:
            raise ValueError("is empty: it needs at least one value")
        if not all(np.isfinite(value) for value in self.values or () if isinstance(value, float)):
            raise ValueError("needs finite values")
        spaced = self.linspace or self.logspace
        if spaced and spaced[2] < 1:
            raise ValueError(f"needs at least one value, was {spaced[2]}")
        if spaced and spaced[2] > VALUES_MAX:
            raise ValueError(f"has {spaced[2]:,} values; {VALUES_MAX:,} is the most")
        ends = spaced or self.range
        if ends and ((self.logspace is not None or self.log) and min(ends[:2]) <= 0):
            raise ValueError(f"spaced in logarithms needs ends above 0, was {list(ends[:2])}")
        if self.range and self.range[0] >= self.range[1]:
            raise ValueError(f"range must ascend, was {list(self.range)}")
        if self.values is not None and (self.log or self.integer):
            raise ValueError("log and integer belong to spaced values, not to a list")
        if len({label(float(v) if type(v) is int else v) for v in self.levels()}) < len(self.levels()):  # 1 is 1.0
            raise ValueError("names a value twice")
        return self

    def levels(self) -> tuple[Any, ...]:
        """The values one by one; none where it is a range to sample."""
        if self.values is not None:
            return self.values
        if self.linspace is not None:
            return tuple(self._shown(value) for value in np.linspace(*self.linspace))
        if self.logspace is not None:
            return tuple(self._shown(value) for value in np.geomspace(*self.logspace))
        return ()

    def at(self, u: float) -> Any:
        """The value at `u` in [0, 1] of the range."""
        assert self.range is not None, "only a range is sampled between its ends"
        low, high = self.range
        if self.integer:
            return int(min(np.floor(low + u * (high - low + 1)), high))
        return float(np.exp(np.log(low) + u * (np.log(high) - np.log(low)))) if self.log else low + u * (high - low)

    def _shown(self, value: float) -> float | int:
        return round(value) if self.integer else float(f"{value:.{DIGITS}g}")


class Variant(Entry):
    """One named set of overrides, applied together."""

    name: str = Field(min_length=1)
    set: dict[str, Any]


class Dimension:
    """What varies as one: an axis, axes zipped together, or a choice between variants. `columns`: its names in results."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Row], axis: Axis | None = None) -> None:
        self.columns = tuple(columns)
        self.rows = tuple(rows)  # empty where `axis` is a range
        self.axis = axis

    @property
    def sampled(self) -> bool:
        """Whether it is a range, which has no values of its own."""
        return not self.rows

    def at(self, u: float) -> Row:
        """The values at `u` in [0, 1]: of a range, or the list's member that `u` falls on."""
        if self.rows:
            return self.rows[min(int(u * len(self.rows)), len(self.rows) - 1)]
        assert self.axis is not None, "a dimension without rows is a range"
        return (self.axis.at(float(u)),)


def dimensions(
    axes: Mapping[str, Axis], zipped: Sequence[Sequence[str]], variants: Mapping[str, Sequence[Variant]]
) -> list[Dimension]:
    """Variants first, then axes in the order of the file; zipped axes stand where the first of them does."""
    found = [Dimension((name,), [(variant.name,) for variant in group]) for name, group in variants.items()]
    group_of = {name: tuple(group) for group in zipped for name in group}
    for name, axis in axes.items():
        group = group_of.get(name, (name,))
        if axis.range is not None:
            found.append(Dimension((name,), (), axis))
        elif name == group[0]:
            found.append(Dimension(group, list(zip(*(axes[member].levels() for member in group), strict=True))))
    return found


def label(value: Any) -> str:
    """A value as a text by which it is told from others."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
