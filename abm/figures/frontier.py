"""Benefit against contagion: what each margin mode or rule saves, and what it spreads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from abm.figures.infection import COLOURS
from abm.figures.pairs import paired_medians, reach
from abm.figures.style import GREY, WIDTH, grid, styled

MARKERS = "osD^vP*X"


def efficient(benefit: NDArray[np.float64], cost: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows that no other beats in both: as much `benefit` (n,) at less `cost` (n,), or more at as much; by rising benefit."""
    beaten = [
        bool((((benefit >= b) & (cost < c)) | ((benefit > b) & (cost <= c))).any()) for b, c in zip(benefit, cost, strict=True)
    ]
    kept = np.flatnonzero(~np.array(beaten, dtype=np.bool_))
    return kept[np.argsort(benefit[kept], kind="stable")]


def frontier(
    table: pd.DataFrame, *, benefit: str, cost: str, labels: tuple[str, str], by: Sequence[str] = ("point",)
) -> Figure:
    """One dot per `point` of `table` at the medians of its measures `benefit` and `cost`, with their intervals; a line
    joins those that no other beats. Colours tell the first column of `by`, markers the second where there is one.

    `table` has one row per point and measure: `point`, the columns of `by`, `measure`, `median`, `low`, `high` (NaN without
    an interval). Points without either number are left out; ValueError if none is left. `labels` are those of the axes.
    """
    both = paired_medians(table, benefit, cost)
    both["point_x"] = both.index
    hue, shape = f"{by[0]}_x", f"{by[-1]}_x"
    colours, markers = _looks(both[hue], COLOURS), _looks(both[shape], MARKERS) if len(by) > 1 else {}
    with styled():
        drawn, panels = grid(1, 1, (0.75 * WIDTH, 3.8))
        axes = panels[0, 0]
        best = both.iloc[efficient(both["median_x"].to_numpy(), both["median_y"].to_numpy())]
        axes.plot(best["median_x"], best["median_y"], color=GREY, linewidth=1.0, linestyle="--", zorder=1)
        for name, row in both.iterrows():
            one = both.loc[[name]]
            axes.errorbar(
                one["median_x"],
                one["median_y"],
                xerr=reach(one, "x"),
                yerr=reach(one, "y"),
                marker=markers.get(row[shape], "o"),
                markersize=5,
                capsize=2,
                linestyle="none",
                color=colours[row[hue]],
            )
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])
        drawn.legend(handles=_legend(colours, markers), loc="outside right upper")
    return drawn


def _looks(values: pd.Series, looks: Sequence[str]) -> dict[str, str]:
    """A look for each different value, in order of appearance."""
    return {value: looks[k % len(looks)] for k, value in enumerate(dict.fromkeys(values))}


def _legend(colours: dict[str, str], markers: dict[str, str]) -> list[Line2D]:
    dots = [Line2D([], [], marker="o", color=colour, linestyle="none", label=str(name)) for name, colour in colours.items()]
    shapes = [
        Line2D([], [], marker=shape, color=GREY, markerfacecolor="none", linestyle="none", label=str(name))
        for name, shape in markers.items()
    ]
    return [*dots, *shapes, Line2D([], [], color=GREY, linewidth=1.0, linestyle="--", label="not beaten by another")]
