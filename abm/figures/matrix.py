"""The contagion matrix as a heat map with its numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from abm.figures.style import grid, styled

Rows = Mapping[str, Mapping[str, float | None]]

TITLE = "fall of mark per unit of fall forced on the shocked asset, %"


def matrix(rows: Rows, *, title: str = TITLE, label: str = "shocked asset") -> Figure:
    """Rows by affected asset; own entries (row name = column name) stay grey so that colour shows what spread.

    A None is drawn as a dash. Raises ValueError without a row.
    """
    if not rows:
        raise ValueError("matrix needs at least one row, was given none")
    columns = list(next(iter(rows.values())))
    values = np.array([[np.nan if rows[r][c] is None else rows[r][c] for c in columns] for r in rows], dtype=np.float64)
    own = np.array([[_asset(row) == column for column in columns] for row in rows])
    longest = max(len(row) for row in rows)
    with styled():
        size = (1.3 + 0.075 * longest + 0.8 * len(columns), 1.2 + 0.42 * len(rows))
        drawn, axes = grid(1, 1, (max(size[0], 4.6), size[1]))
        _heat(axes[0, 0], values, own)
        _name(axes[0, 0], list(rows), columns, label)
        drawn.suptitle(title, fontsize=9)
    return drawn


def _asset(row: str) -> str:
    """A row is an asset, or an asset and the twin it was measured in: "ETH, isolated margin"."""
    return row.split(",", maxsplit=1)[0]


def _heat(axes: Axes, values: NDArray[np.float64], own: NDArray[np.bool_]) -> None:
    spread = 100.0 * np.where(own, np.nan, values)
    top = max(1.0, float(np.nanmax(spread)) if np.isfinite(spread).any() else 1.0)
    axes.set_facecolor("#E4E4E4")
    axes.imshow(spread, cmap="Blues", vmin=0.0, vmax=top, aspect="auto")
    for (r, c), value in np.ndenumerate(values):
        dark = not own[r, c] and 100.0 * value > 0.55 * top
        axes.text(c, r, _text(value), ha="center", va="center", color="white" if dark else "black", fontsize=8)


def _text(value: float) -> str:
    if np.isnan(value):
        return "–"
    return "0" if value == 0.0 else f"{100.0 * value:.2g}" if value < 0.1 else f"{100.0 * value:.0f}"


def _name(axes: Axes, rows: list[str], columns: list[str], label: str) -> None:
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xlabel("affected asset")
    axes.set_ylabel(label)
    axes.grid(visible=False)
    axes.set_xticks(np.arange(0.5, len(columns) - 1), minor=True)
    axes.set_yticks(np.arange(0.5, len(rows) - 1), minor=True)
    axes.grid(visible=True, which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
