"""Haircuts: what of a token's value does not count as collateral, by size of the holding and by recent volatility."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from abm.clearing.margin.tiered import Bracket, Tiered, amounts, check_ladder, stack
from abm.kernels.margin import Brackets
from abm.market.instrument import Instruments
from abm.record import Record, param

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_DAY = 86_400.0
_TIERS = "OKX help centre, discount rates of multi-currency margin: tiers by amount; the figures are a choice"


class Tier(Record):
    """One tier: the haircut on the part of a holding whose value lies above `floor`."""

    floor: float = param(unit="currency", source=_TIERS, help="Value of an account's holding at which the tier begins.", gt=0)
    rate: float = param(unit="share of value", source=_TIERS, help="Maintenance haircut on that part.", gt=0, le=1)


class Haircut(Record):
    """Collateral = cash + sum of tokens x price x (1 - haircut): a token is a long position whose margin is its haircut.

    The haircut on the part of a holding in tier k is multiple x rate_k, at most 1. multiple = 1 + volatility_scaling x
    (ratio - 1), from 1 to `multiple_max`, with ratio = EWMA volatility of the price at which the token is valued, over its
    calm volatility. What a token rose since it was bought is an unrealised gain like any other. Nothing is offset: not
    suitable for a token held against a short position in what it tracks, whose risk it overstates.
    """

    rate: float = param(
        0.1,
        unit="share of value",
        source="choice of regime, swept",
        help="Maintenance haircut of the first tier.",
        gt=0,
        le=1,
    )
    initial_factor: float = param(
        1.0,
        unit="initial / maintenance",
        source="choice: one haircut for both, as venues publish one",
        help="Haircut while positions are opened over the maintenance haircut (together at most 1).",
        ge=1,
        le=10,
    )
    tiers: Annotated[tuple[Tier, ...], Field(strict=False)] = param(
        (), unit="tiers", source=_TIERS, help="Higher haircuts on large holdings."
    )
    calm_volatility: float = param(
        0.02,
        unit="share per square root of a day",
        source="choice: about a tick a step of a token on a grid of 10,000 ticks",
        help="Volatility of the token's own book in calm times, at least that of its outside value; haircuts scale beyond it, "
        "and its makers take it as normal.",
        gt=0,
        le=1,
    )
    volatility_scaling: float = param(
        0.0,
        unit="share",
        source="choice of regime, swept; 0 = haircuts do not move",
        help="Of a rise of volatility that the haircut follows.",
        ge=0,
        le=5,
    )
    multiple_max: float = param(
        4.0, unit="multiple", source="choice of regime, swept", help="Largest multiple of the stated haircut.", ge=1, le=100
    )
    half_life: float = param(600.0, unit="s", source="choice of regime, swept", help="Memory of volatility.", gt=0)

    @model_validator(mode="after")
    def _tiers_rise(self) -> Haircut:
        check_ladder("haircut.tiers", self.ladder())
        return self

    def ladder(self) -> tuple[Bracket, ...]:
        """The same as margin brackets: initial and maintenance haircut on each part of a holding."""
        parts = ((0.0, self.rate), *((tier.floor, tier.rate) for tier in self.tiers))
        return tuple(
            Bracket(floor=floor, initial_rate=min(1.0, self.initial_factor * rate), maintenance_rate=rate)
            for floor, rate in parts
        )

    def multiple(self, ratio: float) -> float:
        """Multiple of the stated haircut at a volatility of `ratio` x calm."""
        return min(self.multiple_max, max(1.0, 1.0 + self.volatility_scaling * (ratio - 1.0)))


def with_haircuts(
    rules: Sequence[Brackets], instruments: Instruments, haircuts: Sequence[Haircut], cash_units: float
) -> Brackets:
    """The margin tables of `rules`, one row each, with the haircut of every token in place of what a rule says of it.

    `haircuts` (n_instruments,), read for tokens alone; `cash_units` per unit of currency.
    """
    if not instruments.spot:
        return stack(rules)
    ladders = {instruments.names[i]: haircuts[i].ladder() for i in instruments.spot}
    own = Tiered(brackets=ladders).tables(instruments.names, max_leverage=1.0, cash_units=cash_units)
    tables = stack([*rules, own])
    for column in tables[:-1]:
        column[:-1, list(instruments.spot)] = column[-1, list(instruments.spot)]
    return Brackets._make(column[:-1] for column in tables)


class Haircuts:
    """The haircuts in force: the token columns of the margin tables, rescaled once a step by the tokens' volatility."""

    def __init__(
        self, brackets: Brackets, instruments: Instruments, haircuts: Sequence[Haircut], *, calm: Floats, step_seconds: float
    ) -> None:
        """`brackets` as `with_haircuts` gives them, changed in place; `calm` (n_instruments,) daily volatilities."""
        self._brackets = brackets
        self._rule = {i: haircuts[i] for i in instruments.spot if haircuts[i].volatility_scaling > 0}
        self._stated = {i: (brackets.initial_rate[:, i].copy(), brackets.maintenance_rate[:, i].copy()) for i in self._rule}
        self._gain = {i: 1.0 - 2.0 ** (-step_seconds / rule.half_life) for i, rule in self._rule.items()}
        self._calm = calm * sqrt(step_seconds / _DAY)  # (n_instruments,), share per step
        self._variance = np.ones(len(instruments))  # of the calm one
        self._last = instruments.opening_tick.astype(np.float64)
        self.multiple = np.ones(len(instruments))  # (n_instruments,), of the stated haircuts

    def advance(self, price: Ints) -> None:
        """Take in the step's prices of collateral (n_instruments,), ticks."""
        for i, rule in self._rule.items():
            change = (float(price[i]) / self._last[i] - 1.0) / self._calm[i]
            self._variance[i] += self._gain[i] * (change * change - self._variance[i])
            self._last[i] = float(price[i])
            self.multiple[i] = rule.multiple(sqrt(self._variance[i]))
            self._write(i)

    def _write(self, i: int) -> None:
        brackets, (initial, maintenance) = self._brackets, self._stated[i]
        for rate, amount, stated in (
            (brackets.initial_rate, brackets.initial_amount, initial),
            (brackets.maintenance_rate, brackets.maintenance_amount, maintenance),
        ):
            rate[:, i] = np.minimum(1.0, self.multiple[i] * stated)
            amount[:, i] = amounts(brackets.floor[:, i], rate[:, i])
