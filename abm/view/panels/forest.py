"""The cascade as a forest: liquidations by time and generation, each joined to the one that caused most of its loss."""

from __future__ import annotations

import numpy as np

from abm.view.history import History
from abm.view.svg import Axes, colour, svg, text

WIDTH, HEIGHT = 380, 240
MOST = 700  # trees are drawn from the latest of this many liquidations


def forest(run: History) -> str:
    """Roots (no parent: the market itself took their equity) at the foot, generations upwards."""
    count = len(run.parent)
    first = max(0, count - MOST)
    deepest = max(run.generation, default=1)
    end = run.model.scenario.time.duration / 60.0
    axes = Axes(34.0, 30.0, WIDTH - 10.0, HEIGHT - 32.0, 0.0, end, 0.4, deepest + 0.6)
    parts = [axes.grid(x_label="min", ticks_x=6, ticks_y=min(deepest, 6))]
    parts.append(text(4, 13, "Who infected whom: liquidations by generation", css="head"))
    children = sum(parent >= 0 for parent in run.parent)
    parts.append(text(36, 24, f"{count} liquidations, {children} with a parent"))
    if not count:
        parts.append(text(WIDTH / 2, HEIGHT / 2, "nobody has been seized", anchor="middle"))
        return svg(WIDTH, HEIGHT, *parts, label="Forest of liquidations")
    seen = np.arange(first, count)
    generation = np.array(run.generation)[seen]
    x = axes.x((np.array(run.seized_at)[seen] + 1) * run.model.step_seconds / 60.0)
    y = axes.y(generation + 0.7 * ((seen * 0.618034) % 1.0 - 0.5))  # spread, so that points of a step stay apart
    edges = [(run.parent[k], k) for k in seen.tolist() if run.parent[k] >= first]
    path = "".join(f"M{x[a - first]:.0f} {y[a - first]:.0f}L{x[b - first]:.0f} {y[b - first]:.0f}" for a, b in edges)
    parts.append(f'<path fill="none" stroke="var(--ink)" stroke-width="0.6" opacity="0.35" d="{path}"/>' if path else "")
    size = 2.0 + 4.0 * np.sqrt(np.array(run.lost)[seen] / max(*run.lost, 1.0))
    for k, a, b, radius in zip(seen.tolist(), x.tolist(), y.tolist(), size.tolist(), strict=True):
        fill = colour(run.generation[k] - 1)
        parts.append(f'<circle data-account="{run.seized[k]}" cx="{a:.0f}" cy="{b:.0f}" r="{radius:.1f}" fill="{fill}"/>')
    return svg(WIDTH, HEIGHT, *parts, label="Forest of liquidations")
