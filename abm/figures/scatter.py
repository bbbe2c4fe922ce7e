"""One measure against another over the points of a study, with the intervals of both."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from abm.figures.pairs import paired_medians, reach
from abm.figures.style import BLUE, grid, styled


def scatter(table: pd.DataFrame, *, across: str, up: str, labels: tuple[str, str], title: str) -> Figure:
    """A dot per `point` of `table` at the medians of its measures `across` and `up`; lines are the 95 % intervals of the
    medians, where there are any. Points without either number are left out; ValueError if none is left.

    `table` as of `frontier`; `labels` are those of the axes, with units; `title` says what the dots have in common.
    """
    both = paired_medians(table, across, up)
    with styled():
        drawn, panels = grid(1, 1, (4.6, 3.6))
        axes = panels[0, 0]
        axes.errorbar(
            both["median_x"],
            both["median_y"],
            xerr=reach(both, "x"),
            yerr=reach(both, "y"),
            linestyle="none",
            marker="o",
            markersize=4,
            color=BLUE,
            alpha=0.8,
            elinewidth=0.7,
        )
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])
        axes.set_title(title)
    return drawn
