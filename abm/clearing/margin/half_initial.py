"""Maintenance margin at half of the initial margin at maximum leverage, as decentralised perpetual venues set it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import model_validator

from abm.clearing.margin.terms import Terms
from abm.clearing.margin.tiered import Requirement, Tiered
from abm.kernels.margin import Brackets
from abm.record import Record, param

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_SOURCE = "Hyperliquid docs, margining: maintenance is half of the initial margin at maximum leverage, 3x to 40x by asset"


class HalfInitial(Record):
    """Initial margin 1 / L of the notional, maintenance 1 / (2 L), where L is the asset's maximum leverage.

    Legs are added and a large position asks no more than a small one: not suitable where size is the risk.
    """

    kind: Literal["half_initial"] = param("half_initial", unit="name", source="-", help="Half of initial margin.")
    max_leverage: dict[str, float] = param(
        {}, unit="notional / margin, by asset", source=_SOURCE, help="Maximum leverage where it differs from the asset's own."
    )

    @model_validator(mode="after")
    def _at_least_one(self) -> HalfInitial:
        for asset, most in self.max_leverage.items():
            if most < 1:
                raise ValueError(f"margin.max_leverage of {asset} must be >= 1, was {most:g}")
        return self

    def tables(
        self,
        assets: Sequence[str],
        *,
        max_leverage: ArrayLike,
        cash_units: float,
        gains_share: float = 1.0,
    ) -> Brackets:
        """The rule as arrays, as `Tiered.tables` gives them; the leverage alone counts."""
        leverage = np.broadcast_to(np.asarray(max_leverage, dtype=np.float64), (len(assets),)).tolist()
        own = [self.max_leverage.get(asset, most) for asset, most in zip(assets, leverage, strict=True)]
        rule = Tiered(maintenance_share=0.5)
        return rule.tables(assets, max_leverage=own, cash_units=cash_units, gains_share=gains_share)

    def open(self, terms: Terms) -> Brackets:
        """The state of the rule, which does not change: its brackets."""
        return self.tables(terms.assets, max_leverage=terms.max_leverage, cash_units=terms.cash_units)

    def advance(self, state: Brackets, index: Floats) -> Brackets:
        """Brackets do not depend on the path."""
        return state

    def requirement(self, position: Ints, price: Ints, brackets: Brackets) -> Requirement:
        """Initial and maintenance margin of every row of `position` (n_accounts, n_instruments) lots; see `Tiered`."""
        return Tiered().requirement(position, price, brackets)
