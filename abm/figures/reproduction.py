"""The reproduction number seen in three ways, seed by seed, and the gap between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from abm.figures.style import BLUE, GREEN, PURPLE, VERMILION, grid, styled

NUMBER = "reproduction_number"
WAYS = {
    "twins": ("by twins", BLUE),
    "genealogy": ("by genealogy", GREEN),
    "ex_ante": ("before the shock", VERMILION),
    "gap": ("gap: genealogy - twins", PURPLE),
}


def reproduction(seeds: pd.DataFrame, statistics: Mapping[str, Mapping[str, Any]]) -> Figure:
    """A row of dots for each of the three ways and for the gap, one dot per seed; a bar is the median with its 95 % interval.

    `seeds` has a row per seed and the columns `reproduction_number.<way>`, `statistics` their `median`, `low` and `high`
    (None without an interval). A way that is defined in no seed has an empty row that says so.
    """
    with styled():
        drawn, panels = grid(1, 1, (6.0, 2.6))
        axes = panels[0, 0]
        for row, (way, (_, colour)) in enumerate(WAYS.items()):
            _strip(axes, row, seeds[f"{NUMBER}.{way}"].dropna().to_numpy(np.float64), statistics[way], colour)
        axes.axvline(1.0, color="black", linewidth=0.8, linestyle=":")
        axes.axvline(0.0, color="black", linewidth=0.8)
        axes.set_yticks(range(len(WAYS)), [said for said, _ in WAYS.values()])
        axes.set_ylim(len(WAYS) - 0.4, -0.6)
        axes.set_xlabel("reproduction number: liquidations, or forced sales, set off by one")
        axes.grid(visible=False, axis="y")
        axes.set_title(f"{len(seeds)} seeds; bars: median and its 95 % interval", fontsize=8)
    return drawn


def _strip(axes: Axes, row: int, values: NDArray[np.float64], told: Mapping[str, Any], colour: str) -> None:
    if not len(values):
        axes.annotate("not available", (0.5, row), va="center", fontsize=8)
        return
    apart = np.random.default_rng(0).uniform(-0.22, 0.22, len(values))  # so that dots do not hide one another
    axes.scatter(values, row + apart, s=6, color=colour, alpha=0.6, linewidths=0)
    low, high = (told["median"] if told[end] is None else told[end] for end in ("low", "high"))
    axes.hlines(row, low, high, color="black", linewidth=2.5)
    axes.plot([told["median"]], [row], marker="|", markersize=11, color="black")
