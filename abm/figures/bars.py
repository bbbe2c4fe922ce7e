"""Numbers with intervals side by side: sensitivity indices, paired differences, changes one parameter at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from abm.figures.pattern import COLOURS, told
from abm.figures.style import WIDTH, grid, legend_below, styled

PER_PANEL = 0.9  # inches of a panel around its rows
PER_ROW = 0.22
MARKERS = "os^Dv"
TITLE = 38  # characters of a line that stays above its panel


def bars(table: pd.DataFrame, measures: Sequence[str], *, x: str, labels: Mapping[str, str] | None = None) -> Figure:
    """One panel per measure, a row per `case`, a mark with interval per `kind`; a line at zero.

    `table` has a row per case, kind and measure: `case`, `kind`, `measure`, `value`, `low`, `high` (NaN without one).
    `x` says what the horizontal axis holds; `labels` maps measures to labels with unit. ValueError without a measure.
    """
    if not measures:
        raise ValueError("bars needs at least one measure, was given none")
    labels = labels or {}
    cases, kinds = list(dict.fromkeys(table["case"])), list(dict.fromkeys(table["kind"]))
    columns = min(2, len(measures))
    rows = -(-len(measures) // columns)
    with styled():
        drawn, panels = grid(rows, columns, (WIDTH, rows * (PER_PANEL + PER_ROW * max(4, len(cases)))), sharey=True)
        for axes, measure in zip(panels.flat, measures, strict=False):
            _panel(axes, table[table["measure"] == measure], cases, kinds)
            axes.set_title("\n".join(wrap(labels.get(measure, told(measure)), TITLE)))
            axes.set_xlabel(x)
        for axes in list(panels.flat)[len(measures) :]:
            axes.set_visible(False)
        legend_below(drawn, panels.flat[0])
    return drawn


def _panel(axes: Axes, table: pd.DataFrame, cases: list[str], kinds: list[str]) -> None:
    for k, kind in enumerate(kinds):
        found = table[table["kind"] == kind].drop_duplicates("case").set_index("case").reindex(cases)
        value = found["value"].to_numpy(np.float64)
        reach = np.stack([value - found["low"].to_numpy(np.float64), found["high"].to_numpy(np.float64) - value])
        places = np.arange(len(cases)) + 0.5 * ((k + 0.5) / len(kinds) - 0.5)
        reach = np.nan_to_num(reach).clip(min=0.0)
        look: dict[str, Any] = {"marker": MARKERS[k % len(MARKERS)], "color": COLOURS[k % len(COLOURS)], "linestyle": "none"}
        axes.errorbar(value, places, xerr=reach, label=kind, markersize=4, capsize=2, **look)
    axes.axvline(0.0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(cases)), cases)
    axes.set_ylim(len(cases) - 0.5, -0.5)
