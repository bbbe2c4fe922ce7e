"""A measure over the points of a pattern: medians with the interval of the median, one panel per group of measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from abm.figures.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION, WIDTH, figure, styled

COLOURS = (VERMILION, BLUE, GREEN, ORANGE, PURPLE, SKY, BLACK)
DODGE = 0.06  # points apart, so that intervals do not hide one another


def pattern(table: pd.DataFrame, panels: Mapping[str, Sequence[str]], *, x: str) -> Figure:
    """Panels, two in a row: label of the y axis -> names of the measures drawn in it, at most seven.

    `table` has one row per point and measure: `point`, `measure`, `median`, `low`, `high` (the interval, NaN without
    one). Points stand in the order of the table at equal distances, joined by lines where they are numbers; `x` says
    what they vary. A measure without a number at any point is left out.
    """
    points = list(dict.fromkeys(table["point"]))
    line = "-" if all(_is_number(point) for point in points) else "none"
    rows, columns = (len(panels) + 1) // 2, min(2, len(panels))
    with styled():
        drawn = figure(WIDTH, 3.1 * rows)
        for place, (label, names) in enumerate(panels.items()):
            axes = drawn.add_subplot(rows, columns, place + 1)
            for k, name in enumerate(names):
                found = table[table["measure"] == name].set_index("point").reindex(points)
                if found["median"].notna().any():
                    shift = DODGE * (k - (len(names) - 1) / 2)
                    _series(axes, found, shift, color=COLOURS[k], label=told(name), linestyle=line)
            axes.set_xticks(range(len(points)), points)
            axes.set_xlabel(x)
            axes.set_ylabel(label)
            axes.set_xlim(-0.5, len(points) - 0.5)
            axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
            if axes.get_legend_handles_labels()[1]:
                axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, fontsize=7)
    return drawn


def told(name: str) -> str:
    """`twins.isolated.fall.BTC` as `fall BTC (isolated)`."""
    if name.startswith("twins."):
        _, twin, name = name.split(".", 2)
        return f"{told(name)} ({twin})"
    return name.replace("_", " ").replace(".", " ").replace("adl", "ADL")


def _is_number(point: str) -> bool:
    try:
        float(str(point).removesuffix("%"))
    except ValueError:
        return False
    return True


def _series(axes: Axes, rows: pd.DataFrame, shift: float, **look: Any) -> None:
    median = rows["median"].astype(float)
    reach = [(median - rows["low"]).fillna(0.0).clip(lower=0.0), (rows["high"] - median).fillna(0.0).clip(lower=0.0)]
    places = [i + shift for i in range(len(median))]
    axes.errorbar(places, median, yerr=reach, marker="o", markersize=3, capsize=2, **look)
