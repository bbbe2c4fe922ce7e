"""Grids of portfolio margin as venues publish them: each names its source and what it leaves out."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field, model_validator

from abm.clearing.margin.choice import usually
from abm.kernels.option import delta, european
from abm.record import Record, param

_DAYS = 365.0
_SOURCE = "the venue's, see its preset"


class Leg(NamedTuple):
    """One instrument as the grid sees it: linear (perpetual, spot), or an option if it has a strike."""

    asset: str
    price: float  # of one unit: the mark of what is linear, the underlying's of an option
    strike: float = 0.0  # 0: no option
    days: float = 0.0  # to expiry
    volatility: float = 0.0  # implied, per square root of a year
    call: bool = True
    rate: float = 0.0  # of interest, per year, continuous

    @property
    def delta(self) -> float:
        """Change of its value per unit of price."""
        if self.strike == 0:
            return 1.0
        return float(delta(self.price, self.strike, self.days / _DAYS, self.volatility, self.rate, self.call))


class Stress(Record):
    """One scenario: the price and the implied volatilities of an underlying move at once."""

    price: float = param(unit="price ranges", source="per preset", help="Move of the price.", ge=-10, le=10)
    volatility: float = param(0.0, unit="volatility ranges", source="per preset", help="Move of implied volatility.", ge=-1, le=1)
    weight: float = param(
        1.0, unit="share", source="per preset", help="Share of the loss that counts; extreme moves count in part.", gt=0, le=1
    )


def _product(prices: list[float], volatilities: list[float]) -> tuple[Stress, ...]:
    return tuple(Stress(price=p, volatility=v) for p in prices for v in volatilities)


SPAN: dict[str, Any] = {
    # CME SPAN methodology and report "Risk Arrays": 16 scenarios in the published order; extremes are 2 price scan ranges
    # of which 35 % count. The ranges themselves are set per product: 10 % and a quarter of implied volatility are choices;
    # initial at 110 % of maintenance is CME's rule for speculators.
    # Left out: intra-commodity spread and delivery charges, credits between commodities (use `offset`), one day's decay.
    "scenarios": (
        *_product([0.0, 1 / 3, -1 / 3, 2 / 3, -2 / 3, 1.0, -1.0], [1.0, -1.0]),
        Stress(price=2.0, weight=0.35),
        Stress(price=-2.0, weight=0.35),
    ),
    "price_range": 0.10,
    "volatility_range": 0.25,
    "initial_factor": 1.1,
}

DERIBIT: dict[str, Any] = {
    # Deribit, page "Portfolio Margin" of 2020-21: price +-10 %, implied volatility (30 / days)^0.30 x 38 %, 0.01 of the
    # underlying per net short option of a strike, 1 % of offsetting futures; initial 1.3 x maintenance is from memory.
    # Left out: the contingency for vega of different expiries, and what came since 2023 (wider and extended tables, delta
    # and roll shocks, cross collateral).
    "scenarios": _product([0.0, 0.25, -0.25, 0.5, -0.5, 0.75, -0.75, 1.0, -1.0], [1.0, 0.0, -1.0]),
    "price_range": 0.10,
    "volatility_range": 0.38,
    "power_short": 0.30,
    "power_long": 0.30,
    "hedge_charge": 0.01,
    "short_charge": 0.01,
    "initial_factor": 1.3,
}

OKX: dict[str, Any] = {
    # OKX, adjustment of portfolio margin parameters of January 2025: price +-4, 8, 12 % for BTC and ETH, +-6, 12, 18 % for
    # LTC to XRP, up to 25 % for others (of these only the widest step is kept exactly); the extreme move is twice the
    # range and counts half; the depeg charge on hedges is its lowest tier (hedge below 1 M USD, index above 0.995).
    # Composition, volatility range and initial 1.3 x maintenance are from memory.
    # Left out: theta, basis and rate terms, the minimum by size, higher depeg tiers; the depeg charge falls on every hedge
    # within an underlying, as if each were between two stablecoins.
    "scenarios": (
        *_product([0.0, 1 / 3, -1 / 3, 2 / 3, -2 / 3, 1.0, -1.0], [1.0, 0.0, -1.0]),
        Stress(price=2.0, weight=0.5),
        Stress(price=-2.0, weight=0.5),
    ),
    "price_range": 0.25,
    "price_ranges": {"BTC": 0.12, "ETH": 0.12, "LTC": 0.18, "XRP": 0.18},
    "volatility_range": 0.35,
    "hedge_charge": 0.005,
    "initial_factor": 1.3,
}

PARADEX: dict[str, Any] = {
    # Paradex, docs "Portfolio Margin" and its public margin configuration for BTC of April 2026: 24 weighted scenarios,
    # minimum of 1 % of hedged and 2 % of net delta, maintenance half of initial, a rise of volatility leads to 40 % at
    # least. Left out: provisions for funding and fees, the basis of a perpetual to its index, open orders.
    "scenarios": tuple(
        Stress(price=price, volatility=volatility, weight=weight)
        for price, volatility, weight in (
            *((p, v, 1.0) for p in (0.12, 0.08, 0.04, 0.0, -0.04, -0.08, -0.12) for v in (0.40, -0.22)),
            *((0.16, 0.40, 1.0), (-0.16, 0.40, 1.0), (-0.66, 0.40, 0.18), (-0.33, 0.40, 0.36), (0.5, 0.40, 0.24)),
            *((1.0, 0.40, 0.12), (2.0, 0.40, 0.06), (3.0, 0.40, 0.04), (4.0, 0.40, 0.03), (5.0, 0.40, 0.024)),
        )
    ),
    "price_range": 1.0,
    "volatility_range": 1.0,
    "power_short": 0.30,
    "power_long": 0.13,
    "volatility_min": 0.40,
    "hedged_minimum": 0.01,
    "unhedged_minimum": 0.02,
    "maintenance_factor": 0.5,
    "initial_factor": 1.0,
}

PRESETS = (SPAN, DERIBIT, OKX, PARADEX)


class ScenarioGrid(Record):
    """Moves of price and volatility, the charges on top, and what they ask; fields not given are the preset's."""

    preset: ClassVar[dict[str, Any]] = SPAN

    scenarios: Annotated[tuple[Stress, ...], Field(strict=False, min_length=1)] = param(
        SPAN["scenarios"], unit="scenarios", source=_SOURCE, help="Moves of price and volatility."
    )
    price_range: float = param(
        SPAN["price_range"], unit="share of price", source=_SOURCE, help="A price move of 1 in a scenario.", gt=0, le=1
    )
    price_ranges: dict[str, float] = param(
        {}, unit="share of price, by asset", source=_SOURCE, help="Price ranges of assets that differ."
    )
    volatility_range: float = param(
        SPAN["volatility_range"],
        unit="share of implied volatility",
        source=_SOURCE,
        help="A volatility move of 1 in a scenario, for an option of 30 days.",
        ge=0,
        le=2,
    )
    power_short: float = param(
        0.0, unit="exponent", source=_SOURCE, help="Volatility moves scale with (30 / days) to this, below 30 days.", ge=0, le=1
    )
    power_long: float = param(0.0, unit="exponent", source=_SOURCE, help="The same from 30 days on.", ge=0, le=1)
    days_min: float = param(1.0, unit="days", source=_SOURCE, help="Fewer days to expiry count as so many.", gt=0)
    volatility_min: float = param(
        0.0, unit="per square root of a year", source=_SOURCE, help="A rise leads to at least this implied volatility.", ge=0
    )
    hedge_charge: float = param(
        0.0, unit="share of hedged delta", source=_SOURCE, help="Added for hedges within an underlying.", ge=0, le=1
    )
    hedged_minimum: float = param(
        0.0, unit="share of hedged delta", source=_SOURCE, help="Least margin of hedges within an underlying.", ge=0, le=1
    )
    unhedged_minimum: float = param(
        0.0, unit="share of net delta", source=_SOURCE, help="Least margin of an underlying's net delta.", ge=0, le=1
    )
    short_charge: float = param(
        0.0, unit="share of price", source=_SOURCE, help="Added per net short option of a strike.", ge=0, le=1
    )
    short_minimum: float = param(
        0.0, unit="share of price", source=_SOURCE, help="Least margin of an underlying per short option.", ge=0, le=1
    )
    maintenance_factor: float = param(1.0, unit="factor", source=_SOURCE, help="Maintenance margin per scan.", gt=0, le=5)
    initial_factor: float = param(1.1, unit="factor", source=_SOURCE, help="Initial margin per scan.", gt=0, le=5)

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, data: Any) -> Any:
        return {**cls.preset, **data} if isinstance(data, dict) else data

    @model_validator(mode="after")
    def _consistent(self) -> ScenarioGrid:
        if self.maintenance_factor > self.initial_factor:
            raise ValueError(
                f"margin.grid.maintenance_factor must be at most initial_factor={self.initial_factor:g},"
                f" was {self.maintenance_factor:g}"
            )
        if (least := min([self.price_range, *self.price_ranges.values()])) <= 0:
            raise ValueError(f"margin.grid.price_ranges must be > 0, was {least:g}")
        for name in ("hedge_charge", "hedged_minimum"):
            if (rate := getattr(self, name)) > self.hedge_cost:
                raise ValueError(
                    f"margin.grid.{name} must be at most what both legs of a hedge ask, {self.hedge_cost:g}, was {rate:g}"
                )
        return self

    @property
    def hedge_cost(self) -> float:
        """What both legs of a hedge ask at least if they are added, share of the hedged delta."""
        down, up = (max(s.weight * sign * s.price for s in self.scenarios) for sign in (-1, 1))
        return max(0.0, 2 * min([self.price_range, *self.price_ranges.values()]) * min(down, up))

    def gain(self, leg: Leg) -> list[float]:
        """Counted gain of one unit of `leg` in every scenario."""
        return [self._gain(leg, stress) for stress in self.scenarios]

    def move(self, asset: str, stress: Stress) -> float:
        """Return of an asset's price in a scenario."""
        return max(-1.0, stress.price * self.price_ranges.get(asset, self.price_range))

    def _gain(self, leg: Leg, stress: Stress) -> float:
        """Counted gain of one unit of `leg`."""
        price = leg.price * (1 + self.move(leg.asset, stress))
        if leg.strike == 0:
            return stress.weight * (price - leg.price)
        years = leg.days / _DAYS
        now = european(leg.price, leg.strike, years, leg.volatility, leg.rate, leg.call)
        then = european(price, leg.strike, years, self._shocked(leg, stress), leg.rate, leg.call)
        return float(stress.weight * (then - now))

    def _shocked(self, leg: Leg, stress: Stress) -> float:
        """Implied volatility of an option after a scenario's move."""
        power = self.power_short if leg.days < 30 else self.power_long
        scale = float((30.0 / max(self.days_min, leg.days)) ** power)
        shocked = leg.volatility * (1 + stress.volatility * self.volatility_range * scale)
        return max(shocked, self.volatility_min) if stress.volatility > 0 else max(0.0, shocked)


class SpanGrid(ScenarioGrid):
    """SPAN-like grid; source and what it leaves out stand with `SPAN`."""

    preset: ClassVar[dict[str, Any]] = SPAN
    kind: Literal["span"] = param("span", unit="name", source="-", help="SPAN-like grid.")


class DeribitGrid(ScenarioGrid):
    """Deribit-like grid; source and what it leaves out stand with `DERIBIT`."""

    preset: ClassVar[dict[str, Any]] = DERIBIT
    kind: Literal["deribit"] = param("deribit", unit="name", source="-", help="Deribit-like grid.")


class OkxGrid(ScenarioGrid):
    """OKX-like, with a depeg charge grid; source and what it leaves out stand with `OKX`."""

    preset: ClassVar[dict[str, Any]] = OKX
    kind: Literal["okx"] = param("okx", unit="name", source="-", help="OKX-like, with a depeg charge grid.")


class ParadexGrid(ScenarioGrid):
    """Paradex-like grid; source and what it leaves out stand with `PARADEX`."""

    preset: ClassVar[dict[str, Any]] = PARADEX
    kind: Literal["paradex"] = param("paradex", unit="name", source="-", help="Paradex-like grid.")


Grids = Annotated[SpanGrid | DeribitGrid | OkxGrid | ParadexGrid, Field(discriminator="kind"), usually("span")]
