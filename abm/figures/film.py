"""A run as moving pictures: one figure whose panels show the market as it stood after any step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from abm.figures.columns import assets, total
from abm.figures.film_panels import Show, depths, distances, forest, key_numbers, marks, volumes
from abm.figures.infection import COLOURS
from abm.figures.style import BLACK, NAMES, YELLOW, figure, styled

SIZE, DPI = (9.6, 5.4), 100  # inches, 16:9
HOLD = 1.0  # seconds for which the last picture stays


@dataclass(frozen=True)
class Film:
    """`show(row)` brings the figure to the state after that row of the stored steps."""

    figure: Figure
    show: Callable[[int], None]


def film(
    tables: Mapping[str, pd.DataFrame],
    summary: Mapping[str, Any],
    *,
    twin: tuple[str, pd.DataFrame] | None = None,
    footer: str = "",
) -> Film:
    """The film of a run from its stored tables and the heading of its summary; `twin` is a name and its stored steps.

    Axes keep their ranges from the first picture to the last. Panels of what was not recorded say so.
    """
    steps, shock = tables["steps"], summary["shock"]
    with styled():
        drawn = figure(*SIZE)
        drawn.set_dpi(DPI)
        rows = drawn.add_gridspec(5, 2, width_ratios=(1.35, 1), height_ratios=(0.3, 1, 1, 1, 0.16))
        head, left, right = drawn.add_subplot(rows[0, :]), rows[1:4, 0].subgridspec(5, 1), rows[1:4, 1].subgridspec(3, 1)
        shows: list[Show] = [
            key_numbers(head, tables, summary["currency"]),
            marks(drawn.add_subplot(left[:3]), steps, twin, shock),
            forest(drawn.add_subplot(left[3:]), tables, shock),
            distances(drawn.add_subplot(right[0]), tables["health"], summary["currency"]),
            volumes(drawn.add_subplot(right[1]), steps, shock, summary["currency"]),
            depths(drawn.add_subplot(right[2]), steps, shock, within=summary["depth_within"]),
        ]
        _legend(drawn, assets(steps), twin, shocked=shock is not None)
        drawn.text(0.995, 0.008, footer, ha="right", va="bottom", fontsize=6, color="#777777")
        drawn.draw_without_rendering()  # finds the places of the axes; from here on they stay
        drawn.set_layout_engine("none")

    def show(row: int) -> None:
        for update in shows:
            update(row)

    return Film(drawn, show)


def pictures(steps: pd.DataFrame, *, fps: int, seconds: float, even: bool = False) -> NDArray[np.int64]:
    """The row of the stored steps that each picture shows, (seconds x fps,), from the first to the last, never backwards.

    `even`: time passes evenly. Else half of the film is spread over the time and half over the forced volume, so that a
    cascade passes slower than the calm around it. The last picture stays for a second, or a quarter of a shorter film.
    """
    count = max(2, round(seconds * fps))
    moving = count - min(round(HOLD * fps), count // 4)
    last = len(steps) - 1
    passed = np.linspace(0.0, 1.0, last + 1)
    forced = np.cumsum(np.sum([total(steps, asset, "forced_value") for asset in assets(steps)], axis=0))
    if not even and forced[-1] > 0:
        passed = 0.5 * passed + 0.5 * (forced - forced[0]) / max(forced[-1] - forced[0], 1.0)
    rows = np.rint(np.interp(np.linspace(0.0, passed[-1], moving), passed, np.arange(last + 1))).astype(np.int64)
    rows[0], rows[-1] = 0, last
    return np.concatenate([rows, np.full(count - moving, last)])


def _legend(drawn: Figure, names: list[str], twin: tuple[str, pd.DataFrame] | None, *, shocked: bool) -> None:
    """One legend for all panels: an asset has one colour in all of them."""
    handles: list[Any] = [Patch(color=COLOURS[k % len(COLOURS)], label=name) for k, name in enumerate(names[:8])]
    if twin is not None:
        name = NAMES.get(twin[0], twin[0])
        handles.append(Line2D([], [], color=BLACK, linewidth=1.0, linestyle=(0, (3, 1.5)), label=f"twin: {name}"))
    if shocked:
        handles.append(Patch(color=YELLOW, alpha=0.4, label="shock"))
    drawn.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.005, -0.005), ncols=len(handles), handlelength=1.4)
