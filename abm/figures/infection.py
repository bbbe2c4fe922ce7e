"""Who infected whom, asset by asset: losses through forced sales of one, and what was sold by force because of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from abm.figures.style import grid, styled, unit_of
from abm.figures.tree import infected, sales

COLOURS = ("#D55E00", "#0072B2", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#8C6D31", "#999999")
FAINT = 0.01  # share of all losses below which an arrow is left out


def infection(
    lineage: pd.DataFrame, seizures: pd.DataFrame, liquidations: pd.DataFrame, assets: list[str], *, currency: str = "USD"
) -> Figure:
    """Assets on a circle, as large as what was sold of them by force. An arrow from A to B: losses that seized accounts had
    through forced orders in A, by what was then sold of B; its width and number are the share of all such losses, and the
    number under an asset is the share that stayed in it.
    """
    sold = sales(seizures, liquidations)
    edges = infected(lineage, sold)
    value = sold.groupby("asset")["value"].sum().reindex(assets, fill_value=0.0)
    total = float(edges["loss"].sum())
    share = {(s, t): x / total for s, t, x in edges.itertuples(index=False, name=None)} if total else {}
    scale, unit = unit_of(float(value.max()) if len(value) else 0.0, currency)
    with styled():
        drawn, panels = grid(1, 1, (6.2, 5.0))
        axes = panels[0, 0]
        angle = np.pi / 2 - 2 * np.pi * np.arange(len(assets)) / max(1, len(assets))
        place = {name: (float(np.cos(a)), float(np.sin(a))) for name, a in zip(assets, angle, strict=True)}
        for (source, target), weight in share.items():
            if source != target and weight >= FAINT:
                _arrow(axes, place[source], place[target], weight, COLOURS[assets.index(source) % len(COLOURS)])
        for k, name in enumerate(assets):
            size = 400 + 2_600 * float(value[name]) / float(value.max() or 1.0)
            axes.scatter(*place[name], s=size, color=COLOURS[k % len(COLOURS)], zorder=3, edgecolors="white", linewidths=1.5)
            said = f"{name}\n{value[name] / scale:.3g} {unit} sold\n{100 * share.get((name, name), 0.0):.0f} % stayed"
            x, y = place[name]
            axes.annotate(said, (1.85 * x, 1.47 * y), ha="center", va="center", fontsize=8)
        axes.set(xlim=(-2.35, 2.35), ylim=(-1.75, 1.75), aspect="equal")
        axes.set_axis_off()
        drawn.suptitle(
            "from losses through forced orders in one asset to forced sales of another, % of such losses"
            if total
            else "no account lost through forced orders",
            fontsize=9,
        )
    return drawn


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], weight: float, colour: str) -> None:
    look = {
        "arrowstyle": "-|>,head_width=0.25,head_length=0.5",
        "connectionstyle": "arc3,rad=0.18",
        "linewidth": 0.6 + 14 * weight,
        "color": colour,
        "alpha": 0.75,
        "shrinkA": 20,
        "shrinkB": 24,
    }
    axes.annotate("", xy=end, xytext=start, arrowprops=look, zorder=2)
    (x0, y0), (x1, y1) = start, end
    middle = (0.62 * x0 + 0.38 * x1 + 0.15 * (y1 - y0), 0.62 * y0 + 0.38 * y1 - 0.15 * (x1 - x0))
    box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    number = axes.annotate(f"{100 * weight:.0f}", middle, ha="center", va="center", fontsize=7.5, color=colour, bbox=box)
    number.set(weight="bold", zorder=4)
