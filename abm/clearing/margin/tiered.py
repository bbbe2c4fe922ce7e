"""Tiered margin: rates that rise with the size of a position, as venues publish them in brackets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from abm.clearing.margin.terms import Terms
from abm.kernels.margin import STRIDE, Brackets, margin
from abm.record import Record, param

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_TABLE = "Binance trading rules, BTCUSDT leverage and margin, 2021-22"


class Requirement(NamedTuple):
    """What accounts must hold; both arrays are (n_accounts,), cash units."""

    initial: Ints
    maintenance: Ints


class Bracket(Record):
    """One bracket: the rates on the part of a notional above `floor`."""

    floor: float = param(unit="currency", source=_TABLE, help="Notional at which the bracket begins.", ge=0)
    initial_rate: float = param(unit="share of notional", source=_TABLE, help="Margin to open: 1 / leverage.", gt=0, le=1)
    maintenance_rate: float = param(unit="share of notional", source=_TABLE, help="Margin to keep a position.")

    @model_validator(mode="after")
    def _maintenance_below_initial(self) -> Bracket:
        if not 0 < self.maintenance_rate <= self.initial_rate:
            raise ValueError(
                f"margin.maintenance_rate must be in (0, initial_rate={self.initial_rate:g}], was {self.maintenance_rate:g}"
            )
        return self


Ladder = Annotated[tuple[Bracket, ...], Field(strict=False, min_length=1)]


class Tiered(Record):
    """Margin of a notional n in bracket k: rate_k * n - amount_k, with amounts that make it continuous.

    amount_k = amount_{k-1} + floor_k * (rate_k - rate_{k-1}), for maintenance as Binance publishes it and for initial
    margin alike; a rate is thus paid on the part of the notional that lies in its bracket. Legs are added, nothing is
    offset: not suitable for hedged books, whose risk it overstates.
    """

    kind: Literal["tiered"] = param("tiered", unit="name", source="-", help="Brackets per asset, legs added.")
    brackets: dict[str, Ladder] = param(
        {}, unit="brackets by asset", source=_TABLE, help="Brackets of an asset; without them its maximum leverage rules."
    )
    maintenance_share: float = param(
        0.5,
        unit="share of initial margin",
        source="Hyperliquid docs, margining: maintenance is half of the initial margin at maximum leverage",
        help="Maintenance margin of assets without brackets.",
        gt=0,
        le=1,
    )
    brackets_file: str | None = param(
        None,
        unit="path",
        source="default: none; venues publish their brackets, format: `abm.clearing.margin.tables`",
        help="CSV or TOML table of brackets, relative to the scenario file; every asset needs brackets in it or above.",
    )
    contracts: dict[str, str] = param(
        {},
        unit="contract, by asset",
        source="scenario",
        help="Contract of the file that stands for an asset; by default the one of the asset's own name.",
    )

    @model_validator(mode="after")
    def _brackets_rise(self) -> Tiered:
        for asset, ladder in self.brackets.items():
            check_ladder(f"margin.brackets.{asset}", ladder)
        if self.contracts and self.brackets_file is None:
            raise ValueError("margin.contracts needs margin.brackets_file, the table that lists them")
        return self

    def ladders(self, assets: Sequence[str]) -> dict[str, Sequence[Bracket]]:
        """The brackets of `assets`, those of the file included; ValueError if it cannot be read or lacks one."""
        if self.brackets_file is None:
            return dict(self.brackets)
        from abm.clearing.margin.tables import load

        listed = load(self.brackets_file)
        found: dict[str, Sequence[Bracket]] = {}
        for asset in assets:
            contract = self.contracts.get(asset, asset)
            if asset not in self.brackets and contract not in listed:
                raise ValueError(
                    f"{self.brackets_file}: no contract {contract!r} for {asset}; state margin.contracts.{asset}"
                    f"{_near(contract, listed)}, or margin.brackets.{asset}"
                )
            found[asset] = self.brackets.get(asset) or listed[contract]
        return found

    def tables(
        self,
        assets: Sequence[str],
        *,
        max_leverage: ArrayLike,
        cash_units: float,
        gains_share: float = 1.0,
    ) -> Brackets:
        """The rule as arrays with n_rules = 1; `assets` and `max_leverage` have one entry per instrument.

        An instrument has the rule's brackets of its asset, else one bracket from its maximum leverage.
        `cash_units` per unit of currency.
        """
        leverage = np.broadcast_to(np.asarray(max_leverage, dtype=np.float64), (len(assets),)).tolist()
        ladders = self.ladders(assets)
        rows = [tuple(ladders.get(asset) or (self._default(most),)) for asset, most in zip(assets, leverage, strict=True)]
        size = max(STRIDE, *(len(row) for row in rows))
        floor = np.stack([_padded([b.floor * cash_units for b in row], size, np.inf) for row in rows])
        initial = np.stack([_padded([b.initial_rate for b in row], size) for row in rows])
        maintenance = np.stack([_padded([b.maintenance_rate for b in row], size) for row in rows])
        table = (floor, initial, amounts(floor, initial), maintenance, amounts(floor, maintenance))
        return Brackets._make([*(array[np.newaxis] for array in table), np.array([gains_share])])

    def open(self, terms: Terms) -> Brackets:
        """The state of the rule, which does not change: its brackets."""
        return self.tables(terms.assets, max_leverage=terms.max_leverage, cash_units=terms.cash_units)

    def advance(self, state: Brackets, index: Floats) -> Brackets:
        """Brackets do not depend on the path."""
        return state

    def requirement(self, position: Ints, price: Ints, brackets: Brackets) -> Requirement:
        """Initial and maintenance margin of every row of `position` (n_accounts, n_instruments) lots.

        `price` (n_instruments,) is cash units per lot, mark x unit; `brackets` are this rule's `tables`.
        """
        rule, worth = np.zeros(len(position), dtype=np.int64), np.zeros(len(position), dtype=np.int64)
        return Requirement(
            margin(position, price, rule, brackets.floor, brackets.initial_rate, brackets.initial_amount, worth),
            margin(position, price, rule, brackets.floor, brackets.maintenance_rate, brackets.maintenance_amount, worth),
        )

    def _default(self, max_leverage: float) -> Bracket:
        rate = 1 / max_leverage
        return Bracket(floor=0.0, initial_rate=rate, maintenance_rate=self.maintenance_share * rate)


def check_ladder(name: str, ladder: Sequence[Bracket]) -> None:
    """Raise ValueError unless floors rise strictly from 0 and rates do not fall."""
    if ladder[0].floor != 0:
        raise ValueError(f"{name}: the first floor must be 0, was {ladder[0].floor:g}")
    for low, high in zip(ladder, ladder[1:], strict=False):
        if high.floor <= low.floor:
            raise ValueError(f"{name}: floor must be above {low.floor:g}, was {high.floor:g}")
        for rate in ("initial_rate", "maintenance_rate"):
            was, now = getattr(low, rate), getattr(high, rate)
            if now < was:
                raise ValueError(f"{name}: {rate} at floor {high.floor:g} must be at least {was:g}, was {now:g}")


def _near(contract: str, listed: Iterable[str]) -> str:
    """A contract that may be meant, as the value of the key before it."""
    wanted = contract.upper()
    near = sorted((name for name in listed if name.upper().startswith(wanted)), key=len) or get_close_matches(contract, listed)
    return f' = "{near[0]}"' if near else ""


def stack(tables: Sequence[Brackets]) -> Brackets:
    """The tables of several rules over the same instruments as one, in their order: the row is the rule of an account."""
    size = max(table.floor.shape[2] for table in tables)
    columns = [
        np.concatenate([_widened(getattr(table, name), size, np.inf if name == "floor" else None) for table in tables])
        for name in Brackets._fields[:-1]
    ]
    return Brackets._make([*columns, np.concatenate([table.gains_share for table in tables])])


def _widened(array: Floats, size: int, fill: float | None) -> Floats:
    return np.array([[_padded(row, size, fill) for row in rule] for rule in array.tolist()])


def _padded(values: Sequence[float], size: int, fill: float | None = None) -> Floats:
    return np.array([*values, *[values[-1] if fill is None else fill] * (size - len(values))], dtype=np.float64)


def amounts(floor: Floats, rate: Floats) -> Floats:
    """Amounts (n_instruments, n_brackets) that make the margin continuous at every floor."""
    steps = np.where(np.isfinite(floor[:, 1:]), floor[:, 1:], 0.0) * np.diff(rate, axis=1)
    return np.concatenate([np.zeros((len(floor), 1)), np.cumsum(steps, axis=1)], axis=1)
