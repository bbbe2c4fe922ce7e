"""Benefit against contagion: what each margin mode or rule saves, and what it spreads."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from abm.figures.infection import COLOURS
from abm.figures.style import GREY, WIDTH, grid, styled


def efficient(benefit: NDArray[np.float64], cost: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows that no other beats in both: as much `benefit` (n,) at less `cost` (n,), or more at as much; by rising benefit."""
    beaten = [
        bool((((benefit >= b) & (cost < c)) | ((benefit > b) & (cost <= c))).any()) for b, c in zip(benefit, cost, strict=True)
    ]
    kept = np.flatnonzero(~np.array(beaten, dtype=np.bool_))
    return kept[np.argsort(benefit[kept], kind="stable")]


def frontier(table: pd.DataFrame, *, benefit: str, cost: str, labels: tuple[str, str]) -> Figure:
    """One point per `point` of `table` at the medians of its measures `benefit` and `cost`, with their intervals; a line
    joins those that no other beats.

    `table` has one row per point and measure: `point`, `measure`, `median`, `low`, `high` (NaN without an interval).
    Points without either number are left out. `labels` are those of the axes, with units. ValueError if none is left.
    """
    across, up = (table[table["measure"] == name].set_index("point") for name in (benefit, cost))
    both = across.add_suffix("_x").join(up.add_suffix("_y"), how="inner").dropna(subset=["median_x", "median_y"])
    if both.empty:
        raise ValueError(f"frontier needs points with {benefit} and {cost}, was given none")
    x, y = (both[name].to_numpy(dtype=np.float64) for name in ("median_x", "median_y"))
    with styled():
        drawn, panels = grid(1, 1, (0.75 * WIDTH, 3.8))
        axes = panels[0, 0]
        best = efficient(x, y)
        axes.plot(x[best], y[best], color=GREY, linewidth=1.0, linestyle="--", zorder=1, label="not beaten by another")
        for k, name in enumerate(both.index):
            row = both.loc[name]
            axes.errorbar(
                x[k],
                y[k],
                xerr=_reach(row, "x"),
                yerr=_reach(row, "y"),
                marker="o",
                markersize=5,
                capsize=2,
                linestyle="none",
                color=COLOURS[k % len(COLOURS)],
                label=str(name),
            )
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])
        drawn.legend(loc="outside right upper")
    return drawn


def _reach(row: pd.Series, side: str) -> list[list[float]]:
    """From the median down and up to the ends of its interval; nothing without one."""
    median = float(row[f"median_{side}"])
    low, high = (median if pd.isna(row[f"{end}_{side}"]) else float(row[f"{end}_{side}"]) for end in ("low", "high"))
    return [[max(0.0, median - low)], [max(0.0, high - median)]]
