"""What each channel carries, as bars with intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from abm.figures.style import BLUE, GREEN, ORANGE, WIDTH, grid, legend_below, styled

KINDS = {
    "shapley": ("Shapley value", BLUE),
    "effect": ("main effect or interaction", ORANGE),
    "add": ("alone, all others off", ORANGE),
    "drop": ("gone when it alone is off", GREEN),
}


def attribution(effects: pd.DataFrame, *, measure: str) -> Figure:
    """Bars of `share` (1 = the whole total) by `channel` and `kind`, lines from `low` to `high` where they are known.

    Raises ValueError without an effect.
    """
    if not len(effects):
        raise ValueError("attribution needs at least one effect, was given none")
    kinds = [kind for kind in KINDS if kind in set(effects["kind"])]
    names = list(dict.fromkeys(effects["channel"]))
    thick = 0.8 / len(kinds)
    with styled():
        drawn, panels = grid(1, 1, (WIDTH, 1.3 + 0.32 * len(names) * max(1.0, 0.7 * len(kinds))))
        axes = panels[0, 0]
        for place, kind in enumerate(kinds):
            label, colour = KINDS[kind]
            rows = effects[effects["kind"] == kind].set_index("channel").reindex(names).astype({"share": float})
            where = np.arange(len(names)) + (place - (len(kinds) - 1) / 2) * thick
            share = 100.0 * rows["share"].to_numpy(dtype=np.float64)
            axes.barh(where, share, height=0.9 * thick, color=colour, label=label)
            low, high = (100.0 * rows[end].to_numpy(dtype=np.float64) for end in ("low", "high"))
            known = np.isfinite(low) & np.isfinite(high)
            axes.hlines(where[known], low[known], high[known], color="black", linewidth=1.0)
        axes.axvline(0.0, color="black", linewidth=0.8)
        axes.set_yticks(range(len(names)), [name.replace("_", " ").replace(" x ", " × ") for name in names])
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlabel(f"share of what the channels carry together of {measure.replace('_', ' ')}, %")
        axes.grid(visible=False, axis="y")
        legend_below(drawn, axes)
    return drawn
