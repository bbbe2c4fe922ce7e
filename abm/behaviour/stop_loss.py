"""Stop-loss: positions that are closed when a price passes a level, traders who give up when much of their money is gone."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from abm.record import Record, param

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NEVER = 0  # ticks: a position without a stop


class StopLoss(Record):
    """Stop orders of the crowd and trader-level stops of all leveraged traders; each closes once, by reduce-only orders that
    do not rest.

    A position's stop lies between its price at the opening and its liquidation price by itself, that is with the share of
    its owner's opening collateral that initial margin gives it: so it is the same in every margin mode. Whoever has stops
    has one in every position. What the book does not take is not sent again. Not suitable for the clustering of stops at
    round numbers (Osler 2002, FRBNY Staff Report 150).
    """

    share: float = param(
        0.0,
        unit="share of the crowd",
        source="choice of regime, swept; we know of no published share for perpetuals, 0.1 to 0.3 is a guess",
        help="Traders of the crowd with a stop order in every position.",
        ge=0,
        le=1,
    )
    nearest: float = param(
        0.5,
        unit="share of the way to the liquidation price",
        source="choice, swept: stops are meant to come before the liquidation, at times only just",
        help="Nearest stop; distances are uniform between nearest and farthest, by trader and instrument.",
        gt=0,
        le=1,
    )
    farthest: float = param(
        0.95,
        unit="share of the way to the liquidation price",
        source="choice, swept; at 1 the house comes first, as it acts earlier in a step",
        help="Farthest stop.",
        gt=0,
        le=1,
    )
    trigger: Literal["mark", "last"] = param(
        "mark",
        unit="choice",
        source="Binance support page 360040016512: the last price or the mark price, as the owner of the order chooses",
        help="Which price has to pass the level.",
    )
    limit: float = param(
        0.1,
        unit="share of mark",
        source="Hyperliquid's page on stops, as client libraries quote it: market stops tolerate 10 % of slippage; swept",
        help="Stops close no further than this from the mark; 1 means at any price.",
        gt=0,
        le=1,
    )
    trader_share: float = param(
        0.0,
        unit="share of leveraged traders",
        source="choice of regime, swept",
        help="Traders of crowd and pairs who close everything once their total equity has fallen by the stated share.",
        ge=0,
        le=1,
    )
    trader_loss: float = param(
        0.5,
        unit="share of opening equity",
        source="choice, swept",
        help="Loss over all accounts of a trader at which it gives up.",
        gt=0,
        lt=1,
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.nearest > self.farthest:
            raise ValueError(f"nearest must be at most farthest={self.farthest:g}, was {self.nearest:g}")
        return self

    def distances(self, uniform: Floats) -> Floats:
        """Shares of the way to the liquidation price at `uniform` (k, n_instruments) on [0, 1)."""
        return self.nearest + (self.farthest - self.nearest) * uniform


def levels(lots: Ints, stake: Ints, alone: Ints, *, price: Ints, tick: Ints, distance: Floats) -> Ints:
    """Stop levels in ticks, NEVER where there is no position or nothing above its margin, (k, n_instruments).

    A position of `lots` (signed) on its own `stake`, which must hold `alone` = m x notional, is liquidated after an adverse
    move of (stake - alone) / (notional -+ alone), minus for longs, as margin follows notional. `price` (n_instruments,) cash
    units per lot and `tick` (n_instruments,) at the opening; the other arrays (k, n_instruments).
    """
    side, notional = np.sign(lots), np.abs(lots) * price
    reach = (stake - alone) / np.maximum(notional - side * alone, 1)
    level = np.rint(tick * (1.0 - side * distance * reach)).astype(np.int64)
    return np.where((lots != 0) & (reach > 0) & (level > 0), level, NEVER)


def passed(level: Ints, side: Ints, price: Ints) -> NDArray[np.bool_]:
    """Stops that go off at `price` (n_instruments,) ticks, (k, n_instruments); `side` is the sign of what they close."""
    return np.asarray((level != NEVER) & (side * price <= side * level))
