"""An asset of a scenario: an underlying or a token, its grid of ticks and lots, and how much of it is held."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal

from pydantic import model_validator

from abm.clearing.margin.haircut import Haircut
from abm.record import Record, param
from abm.scenario.money import Money

OPENING_TICKS = (1_000, 100_000)  # coarser: the tick drives the result; finer: the ladder fills the memory


class Asset(Record):
    """One underlying, traded on every venue as a linear perpetual; or one token, traded as spot and held as collateral.

    A token is paid for in full and never sold short; its haircut is the margin it asks.
    """

    name: str = param(unit="name", source="scenario", help="Name of the asset, such as BTC.", min_length=1, max_length=16)
    price: float = param(unit="currency", source="scenario", help="Opening price; a whole number of ticks.", gt=0)
    tick: float = param(
        unit="currency",
        source="scenario",
        help="Price step; the opening price should be about 10,000 ticks.",
        gt=0,
    )
    lot: float = param(
        unit="asset", source="scenario", help="Quantity step; tick x lot is a whole number of cash units.", gt=0
    )
    volatility_daily: float = param(
        unit="share per square root of a day", source="scenario", help="Volatility of the outside value.", ge=0, le=1
    )
    open_interest: float = param(
        unit="currency", source="scenario", gt=0,
        help="One-sided open interest over all venues at the opening; of a token the value in circulation among those who "
        "trade it, which sizes limits and depth on its books as open interest does elsewhere.",
    )
    max_leverage: float = param(
        unit="notional / initial margin",
        source="scenario",
        help="Initial margin is its reciprocal where a venue states no brackets; 1 for a token, whose haircut counts instead.",
        ge=1,
        le=200,
    )
    maker_depth: float = param(
        unit="share of open interest",
        source="scenario",
        help="Depth of all makers together on one side within 1 % of the mid price, at full capital.",
        gt=0,
        le=1,
    )

    form: Literal["perpetual", "spot"] = param(
        "perpetual", unit="choice", source="scenario", help="A linear perpetual, or a token that is itself owned and held."
    )
    tracks: str | None = param(
        None,
        unit="name of an asset",
        source="scenario; wBETH and BNSOL are claims on staked ETH and SOL",
        help="Perpetual whose outside value the token's redemption value follows one to one, its own diffusion and shocks on "
        "top; none = a stable token.",
    )
    collateral_price: Literal["book", "index", "redemption"] = param(
        "book",
        unit="choice",
        source="choice of regime; on 10 Oct 2025 Binance took USDe, wBETH and BNSOL at their prices on its own books",
        help="Price at which a token counts as collateral: marked as perpetuals are, index, or outside value.",
    )
    haircut: Haircut = param(
        Haircut(), unit="rule", source="per field", help="What of a token's value does not count as collateral."
    )

    @model_validator(mode="before")
    @classmethod
    def _a_token_is_paid_in_full(cls, data: Any) -> Any:
        spot = isinstance(data, dict) and data.get("form") == "spot"
        return {"max_leverage": 1.0, **data} if spot else data

    @model_validator(mode="after")
    def _form_is_consistent(self) -> Asset:
        if self.form == "spot" and self.max_leverage != 1.0:
            raise ValueError(
                f"max_leverage must be 1 for a token (haircut.rate says what it backs), was {self.max_leverage:g}; leave it out"
            )
        if self.form == "perpetual" and self.tracks is not None:
            raise ValueError(f'tracks is for tokens; set form = "spot" or leave it out, was {self.tracks!r}')
        return self

    def unit(self, money: Money) -> int:
        """Cash units per tick and lot; ValueError unless it is a whole number of at least 1."""
        unit = exact(self.tick) * exact(self.lot) / exact(money.cash_unit)
        if unit.denominator != 1:
            lot = float(exact(money.cash_unit) / exact(self.tick) * max(round(unit), 1))
            raise ValueError(
                f"assets.{self.name}.lot: tick x lot must be a whole number of cash units of {money.cash_unit:g}, "
                f"was {self.tick:g} x {self.lot:g}; {lot:g} would do"
            )
        return int(unit)

    def opening_tick(self) -> int:
        """Opening price in ticks; ValueError unless whole and neither too coarse nor too fine."""
        ticks = exact(self.price) / exact(self.tick)
        if ticks.denominator != 1:
            raise ValueError(
                f"assets.{self.name}.price must be a whole number of ticks of {self.tick:g}, was {self.price:g}; "
                f"{float(round(ticks) * exact(self.tick)):g} would do"
            )
        low, high = OPENING_TICKS
        if not low <= ticks <= high:
            raise ValueError(
                f"assets.{self.name}.tick: the opening price must be {low:,} to {high:,} ticks, was {int(ticks):,}; "
                f"{self.price / 10_000:g} would make it 10,000"
            )
        return int(ticks)


def exact(value: float) -> Fraction:
    """The decimal number that was written, not the nearest binary one: 0.1 is 1/10."""
    return Fraction(repr(value))
