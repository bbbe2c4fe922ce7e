"""Makers: inventory by asset, equity against the opening, and who stays away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.view.history import History
from abm.view.svg import RED, box, colour, legend, short, svg, text

WIDTH, HEIGHT = 380, 240
MOST = 10  # makers drawn


def inventory(run: History) -> NDArray[np.float64]:
    """Currency at the mark, (n_makers, n_instruments), long positive."""
    model = run.model
    return np.asarray(model.positions(model.desk.rows) * model.exchange.price * model.scenario.money.cash_unit)


def makers(run: History) -> str:
    """Bars to the right are long, to the left short; one row per maker."""
    desk, held = run.model.desk, inventory(run)
    rows, currency = min(len(held), MOST), run.model.scenario.money.currency
    parts = [text(4, 13, f"Makers' inventory, {currency} (left: short, right: long)", css="head")]
    if not rows:
        return svg(WIDTH, HEIGHT, *parts, text(WIDTH / 2, HEIGHT / 2, "there are no makers", anchor="middle"), label="Makers")
    away = np.all(desk.state.until > run.model.seconds, axis=1)
    middle, reach = 190.0, 140.0
    scale = max(float(np.maximum(held, 0).sum(axis=1).max()), float(-np.minimum(held, 0).sum(axis=1).min()), 1.0)
    tall = min(24.0, (HEIGHT - 62) / rows)
    for k in range(rows):
        top, ends = 24 + k * tall, {1: middle, -1: middle}
        parts.append(text(4, top + tall * 0.65, f"maker {k + 1}"))
        for i in np.flatnonzero(held[k]):
            width, side = reach * abs(float(held[k, i])) / scale, 1 if held[k, i] > 0 else -1
            parts.append(box(ends[side] - (width if side < 0 else 0), top, width, tall - 4, fill=colour(int(i))))
            ends[side] += side * width
        if away[k]:
            parts.append(text(WIDTH - 4, top + tall * 0.65, "stays away", anchor="end", fill=RED))
    parts.append(f'<path class="axis" d="M{middle} 20V{24 + rows * tall:.1f}"/>')
    parts.append(text(middle + reach, 32 + rows * tall, f"{short(scale)}", anchor="middle"))
    parts.append(text(middle - reach, 32 + rows * tall, f"−{short(scale)}", anchor="middle"))
    parts.append(legend(10, HEIGHT - 6, [(name, colour(i)) for i, name in enumerate(run.instruments.names[:6])]))
    return svg(WIDTH, HEIGHT, *parts, label="Makers' inventory")
