"""Instruments as arrays: an asset traded on a venue as a perpetual or as spot, with its grid of ticks, lots and cash units."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Instruments:
    """The table of instruments; every array is (n_instruments,).

    A fill of q lots at tick p is worth q * p * unit whole cash units, so linear contracts never round.
    """

    names: tuple[str, ...]  # "BTC", or "BTC@alpha" where several venues trade it
    asset: NDArray[np.int64]  # row of the asset
    venue: NDArray[np.int64]  # row of the venue
    tick_size: NDArray[np.float64]  # price units per tick
    lot_size: NDArray[np.float64]  # asset units per lot
    unit: NDArray[np.int64]  # cash units per tick and lot
    opening_tick: NDArray[np.int64]  # opening price in ticks
    ladder_ticks: NDArray[np.int64]  # ticks 1 .. ladder_ticks - 1 may be quoted
    spot: tuple[int, ...] = ()  # rows of tokens, which are issued and never sold short; all others are linear perpetuals

    @cached_property
    def is_spot(self) -> NDArray[np.bool_]:
        """(n_instruments,), a token rather than a perpetual."""
        return np.isin(np.arange(len(self)), self.spot)

    @cached_property
    def perpetuals(self) -> NDArray[np.int64]:
        """Rows of the perpetuals."""
        return np.flatnonzero(~self.is_spot)

    def __len__(self) -> int:
        return len(self.names)

    def value(self, lots: NDArray[np.int64], tick: NDArray[np.int64]) -> NDArray[np.int64]:
        """Cash units of `lots` (..., n_instruments) at `tick` (n_instruments,)."""
        return lots * (tick * self.unit)
