"""Columns of the stored steps by asset: `ETH.mark`, or `ETH@alpha.mark` and `ETH@beta.mark` on two venues."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Series = NDArray[np.float64]  # (n_steps,)


def assets(steps: pd.DataFrame) -> list[str]:
    """Names of the assets, in the order of the columns."""
    names = [column.removesuffix(".mark").split("@")[0] for column in steps.columns if column.endswith(".mark")]
    return list(dict.fromkeys(names))


def instruments(steps: pd.DataFrame, asset: str) -> list[str]:
    """Names of the instruments of an asset."""
    names = [column.removesuffix(".mark") for column in steps.columns if column.endswith(".mark")]
    return [name for name in names if name.split("@")[0] == asset]


def total(steps: pd.DataFrame, asset: str, column: str) -> Series:
    """Sum of a column over the asset's instruments."""
    return np.asarray(_stack(steps, instruments(steps, asset), column).sum(axis=0))


def worth(steps: pd.DataFrame, asset: str, column: str) -> Series:
    """A quantity column at the mark of its step, summed over the asset's instruments, currency."""
    names = instruments(steps, asset)
    return np.asarray((_stack(steps, names, column) * _stack(steps, names, "mark")).sum(axis=0))


def change(steps: pd.DataFrame, asset: str, column: str = "mark") -> Series:
    """Percent change of a price column since its first row, mean over instruments."""
    prices = _stack(steps, instruments(steps, asset), column)
    return np.asarray(100.0 * (prices / prices[:, :1] - 1.0).mean(axis=0))


def _stack(steps: pd.DataFrame, names: Sequence[str], column: str) -> NDArray[np.float64]:
    return np.stack([steps[f"{name}.{column}"].to_numpy(dtype=np.float64) for name in names])


def minutes(frame: pd.DataFrame) -> Series:
    """Time since the opening."""
    return frame["seconds"].to_numpy(dtype=np.float64) / 60.0


def low_step(steps: pd.DataFrame, shocked: Sequence[str]) -> int:
    """Row of the lowest mark of the shocked assets (of all where none is), by their mean change."""
    paths = [change(steps, asset) for asset in shocked or assets(steps)]
    return int(np.argmin(np.mean(paths, axis=0)))
