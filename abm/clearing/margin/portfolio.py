"""Portfolio margin: the worst of a grid of price and volatility moves, per underlying and over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from abm.clearing.margin.grids import Grids, Leg, SpanGrid
from abm.clearing.margin.terms import Terms
from abm.clearing.margin.tiered import Requirement, Tiered
from abm.kernels.margin import Brackets
from abm.kernels.portfolio import Grid, scan
from abm.record import Record, param

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Moves(NamedTuple):
    """The scenarios as counted returns of linear instruments."""

    assets: tuple[str, ...]  # underlying of each instrument
    returns: Floats  # (n_instruments, n_scenarios)


class Portfolio(Record):
    """Requirement = factor x scan, where the scan is the worst counted loss of an underlying's positions over the grid,
    plus charges, added over underlyings or netted by `offset` (formula: `abm.kernels.portfolio.scan`).

    With `offset` > 0 all underlyings move together, each by its own price range:
    not suitable where they are known to part; no decay of time value is counted, as the moves are taken at once.
    """

    kind: Literal["portfolio"] = param("portfolio", unit="name", source="-", help="Worst of a grid of scenarios.")
    grid: Grids = param(SpanGrid(), unit="rule", source="per field", help="Scenarios and charges of an underlying.")
    offset: float = param(
        0.0,
        unit="share",
        source="choice of regime, swept; venues margin per underlying and add (Deribit, OKX): 0",
        help="Netting between underlyings: 0 adds them, 1 nets them fully.",
        ge=0,
        le=1,
    )
    offset_charge: float = param(
        0.01,
        unit="share of hedged delta",
        source="choice, as the charge of 1 % that Deribit added on offsetting futures",
        help="Least margin of what is netted between underlyings.",
        ge=0,
        le=1,
    )

    @model_validator(mode="after")
    def _netting_costs_less_than_legs(self) -> Portfolio:
        if self.offset_charge > self.grid.hedge_cost:
            raise ValueError(
                f"margin.offset_charge must be at most what both legs of a hedge ask, {self.grid.hedge_cost:g},"
                f" was {self.offset_charge:g}"
            )
        return self

    def open(self, terms: Terms) -> Moves:
        """The state of the rule, which does not change; all instruments are linear."""
        returns = [[s.weight * self.grid.move(asset, s) for s in self.grid.scenarios] for asset in terms.assets]
        return Moves(terms.assets, np.array(returns))

    def advance(self, state: Moves, index: Floats) -> Moves:
        """The grid does not depend on the path."""
        return state

    def requirement(self, position: Ints, price: Ints, state: Moves) -> Requirement:
        """Initial and maintenance margin of every row of `position` (n_accounts, n_instruments) lots, cash units.

        `price` (n_instruments,) is cash units per lot; `state` from `open`.
        """
        legs = [Leg(asset, float(p)) for asset, p in zip(state.assets, price.tolist(), strict=True)]
        found = scan(position, self.tables_of(legs, state.returns * price[:, np.newaxis]))
        return Requirement(
            np.rint(self.grid.initial_factor * found).astype(np.int64),
            np.rint(self.grid.maintenance_factor * found).astype(np.int64),
        )

    def tables(self, assets: Sequence[str], **terms: Any) -> Brackets:
        """Brackets by maximum leverage, as `Tiered.tables`: what a single leg is admitted and split by."""
        return Tiered().tables(assets, **terms)

    def tables_of(self, legs: Sequence[Leg], gain: Floats | None = None) -> Grid:
        """The scan's tables for `legs`, one per column of a table of positions; `gain` (n_legs, n_scenarios) if known."""
        gain = np.array([self.grid.gain(leg) for leg in legs]) if gain is None else gain
        order = sorted(range(len(legs)), key=lambda k: (legs[k].asset, legs[k].strike, legs[k].days))
        rows = [legs[k] for k in order]
        names, strikes = [leg.asset for leg in rows], [(leg.asset, leg.strike) for leg in rows]
        short = np.array([leg.price if leg.strike > 0 else 0.0 for leg in rows])
        strike = _starts(strikes)
        return Grid(
            gain=np.ascontiguousarray(gain[order], dtype=np.float64),
            notional=np.array([leg.price * leg.delta for leg in rows]),
            leg=np.array(order, dtype=np.int64),
            unit=_starts(names),
            strike=strike,
            short_charge=self.grid.short_charge * short[strike[:-1]],
            short_minimum=self.grid.short_minimum * short,
            hedge_charge=self.grid.hedge_charge,
            hedged_minimum=self.grid.hedged_minimum,
            unhedged_minimum=self.grid.unhedged_minimum,
            offset=self.offset,
            offset_charge=self.offset_charge,
        )


def _starts(names: Sequence[Any]) -> Ints:
    """First places of runs of equal entries, and the length at the end."""
    firsts = [k for k in range(len(names)) if k == 0 or names[k] != names[k - 1]]
    return np.array([*firsts, len(names)], dtype=np.int64)
