"""The look of all figures: a palette that colour-blind readers can tell apart, and paper-sized canvases."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

# Okabe & Ito (2008), Color Universal Design
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE, GREY = "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#999999"
BROWN = "#8C6D31"  # beyond the eight, for figures with more parts

RUN = "run"
COLOURS = {RUN: VERMILION, "isolated": GREEN, "no_impact": BLUE, "no_liquidation": SKY, "no_adl": PURPLE, "no_shock": GREY}
NAMES = {
    RUN: "run",
    "isolated": "isolated margin",
    "no_impact": "no price impact",
    "no_liquidation": "no liquidation",
    "no_adl": "no auto-deleveraging",
    "no_shock": "no shock",
}
WIDTH = 7.2  # inches, two columns of a journal
HANDLE, LETTER, LINE = 0.5, 0.062, 0.17  # inches of a legend: beside a name, a letter on average, a row

STYLE: dict[Any, Any] = {
    "figure.dpi": 200,
    "savefig.dpi": 200,
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.2,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
}


def styled() -> AbstractContextManager[None]:
    """Everything drawn inside has this look; nothing outside changes."""
    return mpl.rc_context(STYLE)


def figure(width: float, height: float) -> Figure:
    """An empty figure, inches, that can be saved without a display."""
    canvas = FigureCanvasAgg(Figure(figsize=(width, height), layout="constrained"))
    return canvas.figure


def grid(rows: int, columns: int, size: tuple[float, float], **shared: Any) -> tuple[Figure, NDArray[Any]]:
    """A figure of `size` inches with (rows, columns) axes."""
    drawn = figure(*size)
    return drawn, drawn.subplots(rows, columns, squeeze=False, **shared)


def shade_shock(axes: Axes, shock: Mapping[str, Any] | None) -> None:
    """Shade the time in which the shock works, minutes; nothing where there is none."""
    if shock:
        begin, end = shock["start_seconds"] / 60, shock["end_seconds"] / 60
        axes.axvspan(begin, end, color=YELLOW, alpha=0.3, linewidth=0, zorder=0, label="shock")


def legend_below(drawn: Figure, *axes: Axes, columns: int = 6) -> None:
    """One legend for the whole figure, under it, from the entries of some of its axes, each name once.

    It has fewer columns where long names would not fit, and then the figure grows by the rows that this takes.
    """
    entries: dict[str, Artist] = {}
    for panel in axes:
        handles, labels = panel.get_legend_handles_labels()
        entries |= dict(zip(labels, handles, strict=True))
    if not entries:
        return
    width, height = drawn.get_size_inches()
    fitting = int(width / (HANDLE + LETTER * max(map(len, entries))))
    asked, used = min(columns, len(entries)), max(1, min(columns, len(entries), fitting))
    drawn.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=used)
    drawn.set_figheight(height + LINE * (-(-len(entries) // used) - -(-len(entries) // asked)))


def unit_of(largest: float, currency: str) -> tuple[float, str]:
    """A scale and its label in which `largest` currency units read well: (1e6, "M USD")."""
    for scale, letter in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if largest >= scale:
            return scale, f"{letter} {currency}"
    return 1.0, currency


def save(drawn: Figure, path: Path) -> None:
    """Write `path`.pdf and `path`.png, equal bytes for equal figures."""
    drawn.savefig(path.with_name(f"{path.name}.pdf"), metadata={"CreationDate": None, "Creator": None, "Producer": None})
    drawn.savefig(path.with_name(f"{path.name}.png"), metadata={"Software": None})
