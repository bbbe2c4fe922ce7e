"""Prices with and without the cascade, one panel per asset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from abm.figures.columns import assets, change, minutes
from abm.figures.style import BLACK, COLOURS, NAMES, RUN, WIDTH, grid, legend_below, shade_shock, styled

TWINS = ("no_liquidation", "no_impact", "isolated")  # drawn in this order, below the run


def prices(steps: Mapping[str, pd.DataFrame], shock: Mapping[str, Any] | None = None) -> Figure:
    """Marks of the run and its twins and the outside value, percent change since the first step.

    `steps` maps `run` and names of twins to their stored steps; `shock` is the summary's.
    """
    names = assets(steps[RUN])
    columns = 1 if len(names) == 1 else 2
    rows = -(-len(names) // columns)
    with styled():
        drawn, panels = grid(rows, columns, (WIDTH, 0.8 + 2.0 * rows), sharex=True)
        for axes, asset in zip(panels.flat, names, strict=False):
            _panel(axes, steps, asset, shock)
        for axes in panels.flat[len(names) :]:
            axes.remove()
        for axes in panels[:, 0]:
            axes.set_ylabel("change of mark, %")
        for column in range(columns):
            axes = panels[max(r for r in range(rows) if r * columns + column < len(names)), column]
            axes.set_xlabel("time, min")
            axes.tick_params(labelbottom=True)
        legend_below(drawn, panels[0, 0])
    return drawn


def _panel(axes: Axes, steps: Mapping[str, pd.DataFrame], asset: str, shock: Mapping[str, Any] | None) -> None:
    run = steps[RUN]
    shade_shock(axes, shock)
    for name in [*(twin for twin in TWINS if twin in steps), RUN]:
        width = 1.6 if name == RUN else 1.0
        axes.plot(minutes(steps[name]), change(steps[name], asset), color=COLOURS[name], linewidth=width, label=NAMES[name])
    value = change(run, asset, "value")
    axes.plot(minutes(run), value, color=BLACK, linewidth=0.8, linestyle=(0, (1, 1.5)), label="outside value")
    shocked = shock is not None and asset in shock["assets"]
    axes.set_title(f"{asset} (shocked)" if shocked else asset)
    axes.set_xlim(0, float(np.max(minutes(run))))
