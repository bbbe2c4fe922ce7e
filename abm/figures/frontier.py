"""Benefit against contagion: what each margin mode or rule saves, and what it spreads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from abm.figures.infection import COLOURS
from abm.figures.pairs import paired_medians, reach
from abm.figures.response import named
from abm.figures.style import GREY, WIDTH, grid, styled

MARKERS = "osD^vP*X"


def efficient(benefit: NDArray[np.float64], cost: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows that no other beats in both: as much `benefit` (n,) at less `cost` (n,), or more at as much; by rising benefit."""
    beaten = [
        bool((((benefit >= b) & (cost < c)) | ((benefit > b) & (cost <= c))).any()) for b, c in zip(benefit, cost, strict=True)
    ]
    kept = np.flatnonzero(~np.array(beaten, dtype=np.bool_))
    return kept[np.argsort(benefit[kept], kind="stable")]


def frontier(table: pd.DataFrame, *, benefit: str, cost: str, labels: tuple[str, str], by: Sequence[str] = ("point",)) -> Figure:
    """One dot per `point` of `table` at the medians of its measures `benefit` and `cost`, with their intervals; a line
    joins those that no other beats. Colours tell the first column of `by`, markers the second, panels any further ones.

    `table` has one row per point and measure: `point`, the columns of `by`, `measure`, `median`, `low`, `high` (NaN without
    an interval). Points without either number are left out; ValueError if none is left. `labels` are those of the axes.
    """
    both = paired_medians(table, benefit, cost)
    both["point_x"] = both.index
    hue, shape, *rest = (f"{name}_x" for name in (by if len(by) > 1 else [*by, by[0]]))
    colours, markers = _looks(both[hue], COLOURS), _looks(both[shape], MARKERS) if len(by) > 1 else {}
    panels = [(named(by[2:], key), rows) for key, rows in both.groupby(rest, sort=False)] if rest else [("", both)]
    with styled():
        drawn, places = grid(1, len(panels), (WIDTH if rest else 0.75 * WIDTH, 3.8), sharex=True, sharey=True)
        for axes, (title, rows) in zip(places.flat, panels, strict=True):
            _panel(axes, rows, rows[hue].map(colours), rows[shape].map(lambda name: markers.get(name, "o")))
            axes.set_title(title)
            axes.set_xlabel(labels[0])
        places[0, 0].set_ylabel(labels[1])
        drawn.legend(
            handles=_legend(colours, markers),
            loc="outside lower center" if rest else "outside right upper",
            ncols=3 if rest else 1,
        )
    return drawn


def _panel(axes: Axes, rows: pd.DataFrame, colours: pd.Series, markers: pd.Series) -> None:
    """Dots with their intervals, and the line of those that no other beats."""
    best = rows.iloc[efficient(rows["median_x"].to_numpy(), rows["median_y"].to_numpy())]
    axes.plot(best["median_x"], best["median_y"], color=GREY, linewidth=1.0, linestyle="--", zorder=1)
    for name in rows.index:
        one = rows.loc[[name]]
        axes.errorbar(
            one["median_x"],
            one["median_y"],
            xerr=reach(one, "x"),
            yerr=reach(one, "y"),
            marker=markers[name],
            markersize=5,
            capsize=2,
            linestyle="none",
            color=colours[name],
        )


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
