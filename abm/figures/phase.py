"""A phase diagram: the median of a measure over two swept parameters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from abm.figures.pattern import told
from abm.figures.style import WIDTH, grid, styled

CELLS_WITH_NUMBERS = 100  # more cells than that are left to their colour


def phase(table: pd.DataFrame, measure: str, x: str, y: str, *, labels: Mapping[str, str] | None = None) -> Figure:
    """One cell per pair of values, coloured by the median; cells without a run stay grey.

    `table` has a row per point and measure: `x`, `y`, `measure`, `median`; of several rows for one pair the median is
    drawn. Values stand at equal distances, numbers in ascending order. Raises ValueError without a row of `measure`.
    """
    rows, labels = table[table["measure"] == measure], labels or {}
    if not len(rows):
        raise ValueError(f"phase needs rows of {measure}, found none")
    cells = rows.pivot_table(index=y, columns=x, values="median", aggfunc="median", sort=False, dropna=False)
    cells = cells.loc[_ordered(cells.index), _ordered(cells.columns)]
    with styled():
        drawn, panels = grid(1, 1, (0.75 * WIDTH, 3.6))
        axes = panels[0, 0]
        axes.set_facecolor("#E4E4E4")
        image = axes.imshow(cells.to_numpy(np.float64), origin="lower", aspect="auto", cmap="cividis")
        axes.set_xticks(range(cells.shape[1]), [_text(value) for value in cells.columns])
        axes.set_yticks(range(cells.shape[0]), [_text(value) for value in cells.index])
        axes.set_xlabel(labels.get(x, x))
        axes.set_ylabel(labels.get(y, y))
        axes.grid(visible=False)
        drawn.colorbar(image, ax=axes, label=labels.get(measure, told(measure)))
        if cells.size <= CELLS_WITH_NUMBERS:
            _numbers(axes, cells.to_numpy(np.float64))
    return drawn


def _numbers(axes: Axes, values: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> None:
    low, high = np.nanmin(values), np.nanmax(values)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            dark = value < low + 0.5 * (high - low)
            axes.text(column, row, f"{value:.2g}", ha="center", va="center", color="white" if dark else "black", fontsize=7)


def _ordered(values: pd.Index) -> list[object]:
    return sorted(values) if pd.api.types.is_numeric_dtype(values) else list(values)


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
