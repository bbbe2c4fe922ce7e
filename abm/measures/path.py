"""Paths per asset: what the instruments of one asset, one per venue, say together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.records import Meta, Records

Paths = NDArray[np.float64]  # (n_steps, n_assets)


def mean(meta: Meta, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Plain mean over the instruments of each asset: (..., n_instruments) -> (..., n_assets)."""
    return np.stack([values[..., meta.instruments.asset == a].mean(axis=-1) for a in range(len(meta.assets))], axis=-1)


def total(meta: Meta, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum over the instruments of each asset: (..., n_instruments) -> (..., n_assets)."""
    return np.stack([values[..., meta.instruments.asset == a].sum(axis=-1) for a in range(len(meta.assets))], axis=-1)


def relative(records: Records, column: str = "mark") -> Paths:
    """A price column over the opening price, mean over the asset's instruments, (n_steps, n_assets)."""
    return mean(records.meta, records.per_instrument[column] / records.meta.instruments.opening_tick)


def gap(above: Records, below: Records, column: str = "mark") -> Paths:
    """(above - below) / opening price per step, mean over the asset's instruments, (n_steps, n_assets).

    Exactly 0.0 wherever the two price columns are equal to the bit. Raises ValueError for runs of unequal length.
    """
    if len(above) != len(below):
        raise ValueError(f"twins must have the same number of steps, were {len(above)} and {len(below)}")
    difference = above.per_instrument[column] - below.per_instrument[column]
    return mean(above.meta, difference / above.meta.instruments.opening_tick)


def largest(path: Paths) -> NDArray[np.float64]:
    """Largest value over time, at least 0, (n_assets,)."""
    most: NDArray[np.float64] = path.max(axis=0, initial=0.0)
    return most


def quantity(records: Records, column: str) -> Paths:
    """A column in lots as units of the asset, summed over the asset's instruments, (n_steps, n_assets)."""
    return total(records.meta, records.per_instrument[column] * records.meta.instruments.lot_size)
