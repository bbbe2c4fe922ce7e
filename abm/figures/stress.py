"""A stress test as heat maps with their numbers: shocks by where they strike and how large they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from abm.figures.style import WIDTH, grid, styled, unit_of

PANELS = ("excess_fall_of_others", "forced_share", "accounts", "bad_debt")
TITLES = {
    "excess_fall_of_others": "largest excess fall of another asset, %",
    "forced_share": "forced share of open interest, %",
    "accounts": "accounts liquidated",
    "bad_debt": "bad debt",
}


def stress(cells: pd.DataFrame, *, currency: str = "USD") -> Figure:
    """One heat map per measure; rows are places (`place`), columns sizes, cells medians over seeds.

    `cells` has columns `place`, `size` (share, negative), `measure`, `median`; a missing median is drawn as a dash.
    Raises ValueError without a cell.
    """
    if not len(cells):
        raise ValueError("stress needs at least one cell, was given none")
    rows, sizes = list(dict.fromkeys(cells["place"])), sorted(set(cells["size"]), reverse=True)
    with styled():
        height = 2 * (1.1 + 0.3 * len(rows))
        drawn, panels = grid(2, 2, (max(WIDTH, 2.4 + 0.12 * max(map(len, rows)) + 1.1 * len(sizes)), height))
        for axes, name in zip(panels.flat, PANELS, strict=True):
            found = cells[cells["measure"] == name].pivot(index="place", columns="size", values="median")
            _panel(axes, found.reindex(index=rows, columns=sizes).to_numpy(dtype=np.float64), name, currency)
            axes.set_xticks(range(len(sizes)), [f"{100 * size:g}" for size in sizes])
            axes.set_yticks(range(len(rows)), rows)
        for axes in panels[-1]:
            axes.set_xlabel("shock, % of value")
        for axes in panels[:, 0]:
            axes.set_ylabel("shocked asset")
    return drawn


def _panel(axes: Axes, values: NDArray[np.float64], name: str, currency: str) -> None:
    top = float(np.nanmax(values)) if np.isfinite(values).any() else 0.0
    scale, unit = (0.01, "") if "%" in TITLES[name] else unit_of(top, currency) if name == "bad_debt" else (1.0, "")
    shown = values / scale
    axes.set_title(TITLES[name] + (f", {unit}" if unit else ""))
    axes.set_facecolor("#E4E4E4")
    most = top / scale or 1.0
    axes.imshow(shown, cmap="Blues", vmin=0.0, vmax=most, aspect="auto")
    for (row, column), value in np.ndenumerate(shown):
        colour = "white" if value > 0.55 * most else "black"
        axes.text(column, row, _text(value), ha="center", va="center", color=colour, fontsize=8)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _text(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:,.0f}" if value >= 99.5 or value == 0.0 else f"{value:.2g}"  # noqa: PLR2004
