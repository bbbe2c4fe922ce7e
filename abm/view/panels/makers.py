"""Makers: inventory by asset, what is left of their money, who stays away now and how many did in time."""

from __future__ import annotations

import numpy as np

from abm.view.colours import asset, var
from abm.view.history import History
from abm.view.svg import Axes, Floats, Size, box, head, line, nothing, short, svg, text

MOST = 8  # makers drawn
LEFT, RIGHT = 52.0, 48.0  # pixels kept for names and equity
STRIP = 34.0  # pixels of the strip of withdrawals


def inventory(run: History) -> Floats:
    """Currency at the mark, (n_makers, n_assets), long positive."""
    model, places = run.model, run.instruments.asset
    held = model.positions(model.desk.rows) * model.exchange.price * model.scenario.money.cash_unit
    table = np.zeros((len(held), int(places.max()) + 1))
    np.add.at(table.T, places, np.asarray(held).T)
    return table


def makers(run: History, size: Size) -> str:
    """Bars to the right are long, to the left short; one row per maker; below, how many stay away in time."""
    held, currency = inventory(run), run.model.scenario.money.currency
    rows = min(len(held), MOST)
    parts = [head("Makers' inventory", f"{currency}, short ← → long")]
    if not rows:
        return svg(size, *parts, nothing(size, "there are no makers"), label="Makers")
    equity = run.model.equity(run.model.desk.rows) / np.maximum(run.opening_makers, 1)
    middle, reach = (LEFT + size.width - RIGHT) / 2, (size.width - LEFT - RIGHT) / 2
    scale = max(float(np.maximum(held, 0).sum(axis=1).max()), float(-np.minimum(held, 0).sum(axis=1).min()), 1.0)
    foot = size.height - STRIP - 36
    tall = (foot - 32) / rows
    parts.append(text(size.width - 4, 27, "equity", anchor="end"))
    for k in range(rows):
        top = 32 + k * tall
        parts.append(text(4, top + tall / 2 + 4, f"maker {k + 1}"))
        parts.append(_stack(held[k], (middle, top, reach / scale, tall)))
        said, fill = ("away", var("forced")) if run.away[k] else (f"{100 * equity[k]:.0f} %", "")
        parts.append(text(size.width - 4, top + tall / 2 + 4, said, anchor="end", fill=fill))
    parts.append(f'<path class="axis" d="M{middle:.1f} 30V{foot:.1f}"/>')
    parts.append(text(middle + reach, 27, short(scale), anchor="end"))
    parts.append(text(middle - reach, 27, f"−{short(scale)}"))
    return svg(size, *parts, _withdrawn(run, size), label="Makers' inventory and withdrawal")


def _stack(held: Floats, place: tuple[float, float, float, float]) -> str:
    """One maker's bar: its assets side by side."""
    middle, top, scale, tall = place
    ends, parts = {1: middle, -1: middle}, []
    for row in np.flatnonzero(held):
        width, side = scale * abs(float(held[row])), 1 if held[row] > 0 else -1
        left = ends[side] - (width if side < 0 else 0)
        parts.append(box(left, top + 1, width, max(tall - 3, 1.0), fill=asset(int(row))))
        ends[side] += side * width
    return "".join(parts)


def _withdrawn(run: History, size: Size) -> str:
    """Number of makers who quote nothing, over minutes."""
    many, foot = float(len(run.model.desk.rows)), size.height - 20
    axes = Axes(LEFT, foot - STRIP, size.width - 12, foot, 0.0, run.horizon(), 0.0, many)
    drawn = line(axes.x(run.minutes()), axes.y(run.column("withdrawn_makers")), stroke=var("forced"), width=1.5)
    parts = [axes.grid(x_unit=" min", ticks_y=2), drawn]
    return "".join([*parts, text(4, axes.bottom - 4, "away")])
