"""How far leveraged accounts stood from liquidation before the shock, at the low and at the end."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from abm.figures.style import BLUE, GREY, VERMILION, WIDTH, grid, legend_below, styled, unit_of


def health(health: pd.DataFrame, before: float, low: float, *, currency: str = "USD") -> Figure:
    """Gross notional of leveraged accounts by buffer, from the stored health table.

    `before` and `low` are seconds: the last snapshot not after `before`, the nearest to `low`, and the last one are
    drawn. Buffers beyond the ends of the axis are in its outer bins. Raises ValueError without a snapshot.
    """
    times = np.unique(health["seconds"].to_numpy(dtype=np.float64))
    if not len(times):
        raise ValueError("health needs at least one snapshot, was given none")
    earlier = times[times <= before]
    moments = (
        ("before the shock", float(earlier[-1] if len(earlier) else times[0]), GREY),
        ("at the low", float(times[np.argmin(np.abs(times - low))]), VERMILION),
        ("at the end", float(times[-1]), BLUE),
    )
    scale, unit = unit_of(float(health["notional"].max()), currency)
    with styled():
        drawn, axes = grid(1, 1, (WIDTH, 3.2))
        for name, seconds, colour in moments:
            _outline(axes[0, 0], health[health["seconds"] == seconds], f"{name} ({seconds / 60:.0f} min)", colour, scale)
        axes[0, 0].axvline(0.0, color="black", linewidth=0.8, linestyle="--", label="liquidation")
        axes[0, 0].set_xlabel("buffer: equity above maintenance margin, % of gross notional")
        axes[0, 0].set_ylabel(f"gross notional per bin, {unit}")
        axes[0, 0].set_ylim(bottom=0)
        legend_below(drawn, axes[0, 0])
    return drawn


def _outline(axes: Axes, snapshot: pd.DataFrame, name: str, colour: str, scale: float) -> None:
    edges = 100.0 * np.append(snapshot["low"].to_numpy(), snapshot["high"].to_numpy()[-1])
    heights = snapshot["notional"].to_numpy() / scale
    axes.stairs(heights, edges, color=colour, linewidth=1.3, fill=False, label=name)
    if colour == GREY:
        axes.stairs(heights, edges, color=colour, alpha=0.25, fill=True)
    axes.set_xlim(float(edges[0]), float(edges[-1]))
