"""Who bore the bad debt, in the run and in its twins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from abm.figures.style import (
    BLACK,
    BLUE,
    BROWN,
    GREEN,
    GREY,
    NAMES,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    WIDTH,
    YELLOW,
    grid,
    legend_below,
    styled,
    unit_of,
)

PARTS = {
    "insurance_fund": ("insurance fund", BLUE),
    "keeper": ("keeper", GREEN),
    "adl": ("auto-deleveraged accounts", PURPLE),
    "member": ("clearing members", SKY),
    "skin_in_the_game": ("the house's own money", BLACK),
    "members_fund": ("other members' contributions", YELLOW),
    "assessments": ("calls on other members", VERMILION),
    "gains_haircut": ("cuts of gains", BROWN),
    "socialised": ("socialised", ORANGE),
    "uncollected": ("uncollected", GREY),
}


def losses(borne: Mapping[str, Mapping[str, float]], *, currency: str = "USD") -> Figure:
    """Stacked bars: name of the run or twin -> its bearers (`insurance_fund`, `keeper` ... `uncollected`), currency."""
    names = list(borne)
    totals = [sum(borne[name].get(part, 0.0) for part in PARTS) for name in names]
    scale, unit = unit_of(max(totals, default=0.0), currency)
    with styled():
        drawn, panels = grid(1, 1, (WIDTH, 1.4 + 0.32 * len(names)))
        axes = panels[0, 0]
        left = [0.0] * len(names)
        for part, (label, colour) in PARTS.items():
            lengths = [borne[name].get(part, 0.0) / scale for name in names]
            if any(lengths):
                axes.barh(names, lengths, left=left, color=colour, height=0.65, label=label)
            left = [so_far + length for so_far, length in zip(left, lengths, strict=True)]
        top = max(left, default=0.0)
        for row, length in enumerate(left):
            axes.text(length + 0.01 * (top or 1.0), row, f"{length:.3g}" if length else "0", va="center", fontsize=7.5)
        axes.set_yticks(range(len(names)), [NAMES.get(name, name) for name in names])
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlim(0, 1.12 * top if top else 1.0)
        axes.set_xlabel(f"loss beyond the equity of liquidated accounts, {unit}")
        axes.grid(visible=False, axis="y")
        legend_below(drawn, axes)
    return drawn


def borne_by(summary: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """What `losses` draws, from a summary: the run and every twin that was run."""
    found = {"run": summary, **summary["twins"]}
    told = {
        name: {part: s["uncollected"] if part == "uncollected" else s["bad_debt"].get(part, 0.0) for part in PARTS}
        for name, s in found.items()
    }
    return {name: parts for name, parts in told.items() if None not in parts.values()}
