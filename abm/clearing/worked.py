"""What the worked examples of `abm.clearing.rules` are about, in real units: records a caller fills in."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from abm.record import Record, param


class Position(Record):
    """A linear or an inverse (coin-margined) position; `size` is signed, in units of the asset, of an inverse one in USD."""

    asset: str = param(unit="name", source="caller", help="Underlying.", min_length=1)
    size: float = param(unit="units of the asset", source="caller", help="Signed: long is positive.")
    entry: float = param(unit="price", source="caller", help="Average price of entry.", gt=0)
    mark: float = param(unit="price", source="caller", help="Price at which it is valued.", gt=0)
    maintenance_rate: float = param(0.0, unit="share of notional", source="caller", help="Of the bracket it lies in.", ge=0, lt=1)
    maintenance_amount: float = param(0.0, unit="currency", source="caller", help="Deducted in that bracket.", ge=0)
    fee_rate: float = param(
        0.0, unit="share of notional", source="caller", help="Closing fee, where a venue adds it.", ge=0, lt=1
    )
    kind: Literal["perpetual", "spot", "inverse"] = param(
        "perpetual", unit="name", source="caller", help="Inverse contracts are worth size / price coins."
    )

    @property
    def profit(self) -> float:
        """Unrealised profit at the mark, in coins if inverse."""
        if self.kind == "inverse":
            return self.size * (1 / self.entry - 1 / self.mark)
        return self.size * (self.mark - self.entry)

    @property
    def notional(self) -> float:
        """Size of its value at the mark, in coins if inverse."""
        return abs(self.size) / self.mark if self.kind == "inverse" else abs(self.size) * self.mark

    @property
    def maintenance(self) -> float:
        """Margin to keep it at the mark, fee included."""
        return self.notional * (self.maintenance_rate + self.fee_rate) - self.maintenance_amount


class Option(Record):
    """A position in European options on `asset`; `size` is signed."""

    asset: str = param(unit="name", source="caller", help="Underlying.", min_length=1)
    size: float = param(unit="options on one unit", source="caller", help="Signed: long is positive.")
    strike: float = param(unit="price", source="caller", help="Price of exercise.", gt=0)
    days: float = param(unit="days", source="caller", help="To expiry.", ge=0)
    volatility: float = param(unit="per square root of a year", source="caller", help="Implied volatility.", ge=0)
    right: Literal["call", "put"] = param(unit="name", source="caller", help="To buy or to sell.")


class Market(Record):
    """Prices of the underlyings, for the scenarios of portfolio margin."""

    prices: dict[str, float] = param(unit="price by asset", source="caller", help="Price of each underlying now.")
    rate: float = param(0.0, unit="per year", source="caller", help="Rate of interest, continuous.")

    @model_validator(mode="after")
    def _prices_positive(self) -> Market:
        for asset, price in self.prices.items():
            if price <= 0:
                raise ValueError(f"market.prices.{asset} must be > 0, was {price:g}")
        return self


class Weights(Record):
    """What an asset counts as collateral and as debt, per unit of value."""

    asset: float = param(1.0, unit="share of value", source="caller", help="Of what is owned.", ge=0, le=1)
    liability: float = param(1.0, unit="share of value", source="caller", help="Of what is owed.", ge=1)


class Holder(Record):
    """A holder of one instrument on the side that auto-deleveraging draws on."""

    name: str = param(unit="name", source="caller", help="Whose position.", min_length=1)
    size: float = param(unit="units of the asset", source="caller", help="Signed: long is positive.")
    entry: float = param(unit="price", source="caller", help="Average price of entry.", gt=0)
    mark: float = param(unit="price", source="caller", help="Price at which it is valued.", gt=0)
    equity: float = param(unit="currency", source="caller", help="Worth of the account, or of the isolated position.", gt=0)


class Layer(Record):
    """One layer of a waterfall: a sum, or the sums of several members, who pay in proportion to them."""

    name: str = param(unit="name", source="caller", help="What pays.", min_length=1)
    funds: int | dict[str, int] = param(unit="whole units", source="caller", help="Most that it pays, by member if mutual.")

    @property
    def total(self) -> int:
        """Most that it pays."""
        return sum(self.funds.values()) if isinstance(self.funds, dict) else self.funds

    @model_validator(mode="after")
    def _funds_not_negative(self) -> Layer:
        for funds in self.funds.values() if isinstance(self.funds, dict) else (self.funds,):
            if funds < 0:
                raise ValueError(f"waterfall.{self.name}.funds must be >= 0, was {funds}")
        return self
