"""How measures respond to what a study varies: medians with their intervals over an axis, one line per case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from abm.figures.pattern import COLOURS, told
from abm.figures.style import NAMES, RUN, WIDTH, grid, legend_below, styled

MARKERS = "osD^vP*X"
MARKET = "market"  # column that tells a run from its twins
LETTERS = 32  # of a line beside a panel
DODGE = 0.03  # of the axis, from the first line to the last, so that intervals do not hide one another


def response(
    table: pd.DataFrame, measures: Sequence[str], x: str, others: Sequence[str] = (), *, labels: Mapping[str, str] | None = None
) -> Figure:
    """One panel per measure, `twins.<name>.<measure>` in that of the measure; one line for each combination of `others`.

    `table` has a row per point and measure: `x`, `others`, `measure`, `median`, `low`, `high` (the interval, NaN without
    one). Numbers on `x` stand at their place, texts at equal distances, not joined. `labels`: names of columns and measures
    -> label with unit. Raises ValueError without a measure.
    """
    if not measures:
        raise ValueError("response needs at least one measure, was given none")
    labels = labels or {}
    markets = {measure: _markets(measure, measures) for measure in measures if _base(measure) not in measures}
    if any(len(found) > 1 for found in markets.values()):
        others = [*others, MARKET]
    columns = min(2, len(markets))
    rows = -(-len(markets) // columns)
    with styled():
        words = any(isinstance(value, str) for value in table[x])  # slanted names need room
        drawn, panels = grid(rows, columns, (WIDTH if columns == 2 else 0.62 * WIDTH, (3.2 if words else 2.5) * rows + 0.3))
        for axes, (measure, found) in zip(panels.flat, markets.items(), strict=False):
            parts = [table[table["measure"] == name].assign(**{MARKET: market}) for market, name in found.items()]
            _panel(axes, pd.concat(parts), x, others)
            axes.set_xlabel(labels.get(x, x))
            axes.set_ylabel(fill(labels.get(measure, told(measure)), LETTERS))
        for axes in list(panels.flat)[len(markets) :]:
            axes.set_visible(False)
        if others:
            legend_below(drawn, *panels.flat, columns=4)
    return drawn


def _base(measure: str) -> str:
    """The run's measure that `measure` is of a twin; empty for a measure of the run."""
    head, _, rest = measure.partition(".")
    return rest.partition(".")[2] if head == "twins" else ""


def _markets(measure: str, measures: Sequence[str]) -> dict[str, str]:
    """What is drawn in the panel of `measure`: the run's, and of those twins that are asked for too."""
    twins = {other.split(".")[1]: other for other in measures if _base(other) == measure}
    return {NAMES[RUN]: measure} | {NAMES.get(twin, twin): other for twin, other in twins.items()}


def _panel(axes: Axes, table: pd.DataFrame, x: str, others: Sequence[str]) -> None:
    values = list(dict.fromkeys(table[x]))
    numbers = all(isinstance(value, (int, float, np.number)) for value in values)
    places = dict(zip(values, values if numbers else range(len(values)), strict=True))
    groups = list(table.groupby(list(others), sort=False, dropna=False)) if others else [((), table)]
    width = (max(places.values()) - min(places.values())) if numbers and len(values) > 1 else max(1, len(values) - 1)
    for k, (key, rows) in enumerate(groups):
        shift = DODGE * width * (k / max(1, len(groups) - 1) - 0.5) if len(groups) > 1 else 0.0
        look = _look(k, len(groups)) | {"linestyle": "-" if numbers else "none", "label": named(others, key)}
        _line(axes, rows, [places[value] + shift for value in rows[x]], **look)
    if not numbers:
        axes.set_xticks(range(len(values)), [str(value) for value in values], rotation=30, ha="right")
        axes.set_xlim(-0.5, len(values) - 0.5)


def _line(axes: Axes, rows: pd.DataFrame, places: Sequence[float], **look: Any) -> None:
    order = np.argsort(places)
    median = rows["median"].to_numpy(np.float64)[order]
    low, high = rows["low"].to_numpy(np.float64)[order], rows["high"].to_numpy(np.float64)[order]
    reach = np.nan_to_num(np.stack([median - low, high - median])).clip(min=0.0)
    axes.errorbar(np.asarray(places, dtype=np.float64)[order], median, yerr=reach, markersize=3.5, capsize=2, **look)


def _look(k: int, count: int) -> dict[str, Any]:
    """Colour and marker of a line; beyond the palette a ramp that colour-blind readers can follow."""
    colour = COLOURS[k] if count <= len(COLOURS) else mpl.colormaps["cividis"](k / (count - 1))
    return {"color": colour, "marker": MARKERS[k % len(MARKERS)]}


def named(columns: Sequence[str], key: Any) -> str:
    """A combination of values in words: texts as they are, numbers after the last word of their column."""
    values = key if isinstance(key, tuple) else (key,)
    return ", ".join(
        value if isinstance(value, str) else f"{name.rpartition('.')[2]} {value:.4g}"
        for name, value in zip(columns, values, strict=True)
    )
