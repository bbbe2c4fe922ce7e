"""The cascade as a forest: liquidations by time and generation, each joined to the one that caused most of its loss."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.view.colours import GENERATIONS, generation, var
from abm.view.history import History
from abm.view.svg import Axes, Floats, Size, dots, head, nothing, outline, path, svg, text

MOST = 700  # trees are drawn from the latest of this many liquidations
WIDTHS = (3.5, 5.5, 8.0)  # pixels, of the points of small, middling and large losses
LIMITS = (0.05, 0.3)  # losses over the largest, between those classes
NEAR = 10.0  # pixels within which a click finds a point


def forest(run: History, size: Size) -> str:
    """Roots (no parent: the market itself took their equity) at the foot, generations upwards."""
    count, children = len(run.parent), sum(parent >= 0 for parent in run.parent)
    axes = _axes(run, size)
    deepest = max(run.generation, default=1)
    parts = [head("Who infected whom", "liquidations by generation")]
    parts.append(axes.grid(x_unit=" min", ticks_y=min(deepest + 1, 10)))
    if not count:
        return svg(size, *parts, nothing(size, "nobody has been seized"), label="Forest of liquidations")
    parts.append(text(axes.left, 27, f"{count:,} liquidations, {children:,} caused mostly by another"))
    seen, x, y = _placed(run, axes)
    first = int(seen[0])
    parent = np.array(run.parent)[seen] - first
    b = np.flatnonzero(parent >= 0)
    a = parent[b]
    parts.append(path(outline("M%d %dL%d %d", x[a], y[a], x[b], y[b]), stroke=var("soft"), width=0.7, more=' opacity="0.5"'))
    classes = np.digitize(np.array(run.lost)[seen] / max(*run.lost, 1.0), LIMITS)
    depth = np.minimum(np.array(run.generation)[seen], GENERATIONS)
    for number in range(1, GENERATIONS + 1):
        for row, width in enumerate(WIDTHS):
            rows = (depth == number) & (classes == row)
            parts.append(dots(x[rows], y[rows], stroke=generation(number), size=width, opacity=0.9))
    return svg(size, *parts, label="Forest of liquidations")


def seized_at(run: History, size: Size, x: float, y: float) -> int | None:
    """The account of the liquidation that is drawn nearest to a place in pixels, None where there is none close by."""
    if not run.parent:
        return None
    seen, across, down = _placed(run, _axes(run, size))
    distance = np.hypot(across - x, down - y)
    best = int(distance.argmin())
    return run.seized[int(seen[best])] if distance[best] <= NEAR else None


def _axes(run: History, size: Size) -> Axes:
    return Axes(22.0, 32.0, size.width - 12.0, size.height - 20.0, 0.0, run.horizon(), 0.4, max(run.generation, default=1) + 0.6)


def _placed(run: History, axes: Axes) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Liquidations drawn, and their pixels."""
    count = len(run.parent)
    seen = np.arange(max(0, count - MOST), count)
    x = axes.x((np.array(run.seized_at)[seen] + 1) * run.model.step_seconds / 60.0)
    y = axes.y(np.array(run.generation)[seen] + 0.7 * ((seen * 0.618034) % 1.0 - 0.5))  # spread: points of a step stay apart
    return seen, x, y
