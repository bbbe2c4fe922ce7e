"""A phase diagram: the median of a measure over two swept parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from abm.figures.pattern import told
from abm.figures.response import named
from abm.figures.style import WIDTH, grid, styled

CELLS_WITH_NUMBERS = 100  # more cells than that are left to their colour


def phase(
    table: pd.DataFrame,
    measure: str,
    x: str,
    y: str,
    others: Sequence[str] = (),
    *,
    labels: Mapping[str, str] | None = None,
) -> Figure:
    """One cell per pair of values, coloured by the median; a panel per combination of the columns `others`, one scale.

    `table` has a row per point and measure: `x`, `y`, `others`, `measure`, `median`. Values stand at equal distances,
    numbers in ascending order; cells without a run stay grey. Raises ValueError without a row of `measure`.
    """
    rows, labels = table[table["measure"] == measure], labels or {}
    if not len(rows):
        raise ValueError(f"phase needs rows of {measure}, found none")
    groups = list(rows.groupby(list(others), sort=False, dropna=False)) if others else [((), rows)]
    columns, low, high = min(2, len(groups)), rows["median"].min(), rows["median"].max()
    down = -(-len(groups) // columns)
    with styled():
        drawn, panels = grid(down, columns, (WIDTH if columns == 2 else 0.75 * WIDTH, 3.2 * down + 0.4))
        for axes, (key, group) in zip(panels.flat, groups, strict=False):
            image = _panel(axes, group, x, y, (low, high))
            axes.set_title(named(others, key))
            axes.set_xlabel(labels.get(x, x))
            axes.set_ylabel(labels.get(y, y))
        for axes in list(panels.flat)[len(groups) :]:
            axes.set_visible(False)
        drawn.colorbar(image, ax=list(panels.flat), label=labels.get(measure, told(measure)))
    return drawn


def _panel(axes: Axes, rows: pd.DataFrame, x: str, y: str, scale: tuple[float, float]) -> AxesImage:
    cells = rows.pivot_table(index=y, columns=x, values="median", aggfunc="median", sort=False, dropna=False)
    cells = cells.loc[_ordered(cells.index), _ordered(cells.columns)]
    values = cells.to_numpy(np.float64)
    axes.set_facecolor("#E4E4E4")
    image = axes.imshow(values, origin="lower", aspect="auto", cmap="cividis", vmin=scale[0], vmax=scale[1])
    axes.set_xticks(range(cells.shape[1]), [_text(value) for value in cells.columns])
    axes.set_yticks(range(cells.shape[0]), [_text(value) for value in cells.index])
    axes.grid(visible=False)
    if cells.size <= CELLS_WITH_NUMBERS:
        _numbers(axes, values, scale)
    return image


def _numbers(axes: Axes, values: NDArray[np.float64], scale: tuple[float, float]) -> None:
    low, high = scale
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            dark = value < low + 0.5 * (high - low)
            axes.text(column, row, f"{value:.2g}", ha="center", va="center", color="white" if dark else "black", fontsize=7)


def _ordered(values: pd.Index) -> list[object]:
    return sorted(values) if pd.api.types.is_numeric_dtype(values) else list(values)


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
