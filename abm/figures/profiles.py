"""Profiles of a calibration: how good every tried point was, against each parameter. A flat lower edge identifies nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from abm.figures.style import BLUE, VERMILION, WIDTH, grid, styled

COLUMNS = 3
HEIGHT = 2.2  # inches of a panel


def profiles(
    table: pd.DataFrame, best: Mapping[str, float], *, log: Sequence[str] = (), labels: Mapping[str, str] | None = None
) -> Figure:
    """One panel per parameter with its value across and the objective up, logarithmic, a line at the best value.

    `table` has a row per point and parameter: `parameter`, `value`, `objective` (infinite ones are left out). Parameters in
    `log` have a logarithmic axis; `labels` maps them to labels with unit. ValueError for a table without points.
    """
    names = list(dict.fromkeys(table["parameter"]))
    if not names:
        raise ValueError("profiles needs at least one point, was given none")
    rows = -(-len(names) // COLUMNS)
    with styled():
        drawn, panels = grid(rows, min(COLUMNS, len(names)), (WIDTH, rows * HEIGHT), sharey=True)
        for axes, name in zip(panels.flat, names, strict=False):
            found = table[(table["parameter"] == name) & np.isfinite(table["objective"])]
            axes.scatter(found["value"], found["objective"].clip(lower=1e-6), s=8, color=BLUE, linewidth=0)
            axes.axvline(best[name], color=VERMILION, linewidth=1.0)
            axes.set_yscale("log")
            if name in log:
                axes.set_xscale("log")
                axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
                axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
                axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_xlabel("\n".join(_lines((labels or {}).get(name, name))), fontsize="small")
        for axes in panels[:, 0]:
            axes.set_ylabel("sum of squared distances")
        for axes in list(panels.flat)[len(names) :]:
            axes.set_visible(False)
    return drawn


def _lines(label: str) -> list[str]:
    """A dotted name with its unit on lines that fit under a panel: its room, the rest of the name, the unit."""
    name, comma, unit = label.partition(", ")
    room, _, last = name.partition(".")
    return [*([f"{room}."] if last else []), last or room, *([unit] if comma else [])]
