"""The accounts a house works on: what policies, slicing and limits are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Seized:
    """The accounts a house works on now, as columns; k accounts, prices are the step's marks."""

    position: Ints  # (k, n_instruments), lots
    price: Ints  # (n_instruments,), cash units per lot at the mark
    leg_margin: Ints  # (k, n_instruments), maintenance margin of each position, cash units
    leg_profit: Ints  # (k, n_instruments), unrealised profit of each position, cash units
    equity: Ints  # (k,), cash units that count as collateral
    net: Ints  # (k,), cash units with all gains counted: what is left if everything were closed at the mark
    since_first: NDArray[np.float64]  # (k,), seconds since the first slice, -1 before it
    depth: Ints  # (n_instruments, 2), lots on the bid and ask side near the mark
    fee_rate: float  # liquidation fee, share of notional
    cash_unit: float  # currency per cash unit
    requirement: Callable[[Ints], Ints]  # positions (m, n_instruments), lots -> what they must hold (m,), cash units
    large: Ints | None = None  # (k, n_instruments), what concentration adds to `leg_margin`, cash units
    closed: Ints | None = None  # (k, n_instruments), lots that a halt keeps from being sold; not in `position`

    @property
    def notional(self) -> Ints:
        """(k, n_instruments), cash units."""
        return np.abs(self.position) * self.price

    def required(self, rows: Ints, left: Ints) -> Ints:
        """What accounts `rows` (m,) must hold with `left` (m, n_instruments) of their positions, (m,) cash units."""
        asked = self.requirement(left if self.closed is None else left + self.closed[rows])
        if self.large is None or not self.large.any():
            return asked
        closed = 0 if self.closed is None else np.abs(self.closed[rows])
        part = (np.abs(left) + closed) / np.maximum(np.abs(self.position[rows]) + closed, 1)  # of what is convex, falls faster
        return np.asarray(asked + np.ceil((self.large[rows] * part).sum(axis=1)).astype(np.int64))

    @property
    def facing(self) -> Ints:
        """Lots near the mark that closing each position can take, (k, n_instruments)."""
        return np.where(self.position > 0, self.depth[:, 0], self.depth[:, 1])
