"""The cascade in time: value traded by force, by asset, and accounts in liquidation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.view.history import History
from abm.view.svg import Axes, Floats, box, colour, legend, line, svg, text

WIDTH, HEIGHT = 380, 240
BINS = 60


def cascade(run: History, other: History | None) -> str:
    """Bars of currency a minute, stacked by instrument; the line is accounts in liquidation, on its own scale."""
    volume = volumes(run)
    end = run.model.scenario.time.duration / 60.0
    rate = volume / (end / BINS)
    high = max(float(rate.sum(axis=1).max()), 1.0)
    if other is not None:
        high = max(high, float(volumes(other).sum(axis=1).max()) / (end / BINS))
    axes = Axes(44.0, 24.0, WIDTH - 44.0, HEIGHT - 48.0, 0.0, end, 0.0, high * 1.05)
    currency = run.model.scenario.money.currency
    parts = [axes.grid(x_label="min", ticks_x=6)]
    parts.append(text(4, 13, f"Forced trades, {currency} a minute, by asset", css="head"))
    for step in range(BINS):
        base, left = axes.bottom, float(axes.x(end * step / BINS))
        wide = float(axes.x(end * (step + 1) / BINS)) - left - 0.6
        for i in np.flatnonzero(rate[step]):
            tall = axes.bottom - float(axes.y(rate[step, i]))
            parts.append(box(left, base - tall, wide, tall, fill=colour(int(i))))
            base -= tall
    if other is not None:
        x = axes.x((np.arange(BINS) + 0.5) * end / BINS)
        parts.append(line(x, axes.y(volumes(other).sum(axis=1) / (end / BINS)), stroke="#009E73", width=1.6))
    parts.append(_waiting(run, axes))
    names = [(name, colour(i)) for i, name in enumerate(run.instruments.names[:6])]
    parts.append(legend(44, HEIGHT - 6, [*names, *([("twin, all assets", "#009E73")] if other is not None else [])]))
    return svg(WIDTH, HEIGHT, *parts, label="Forced trades in time, by asset")


def volumes(run: History) -> Floats:
    """Currency traded by force in each of `BINS` parts of the run, (BINS, n_instruments)."""
    value: NDArray[np.int64] = run.column("forced_value")
    total = np.zeros((BINS, value.shape[1]))
    place = np.arange(len(value)) * BINS // max(int(run.model.scenario.time.steps), 1)
    np.add.at(total, place, value * run.money(1))
    return total


def _waiting(run: History, axes: Axes) -> str:
    count = run.column("in_liquidation").astype(np.float64)
    most = float(count.max(initial=0))
    if not most:
        return ""
    scale = Axes(axes.left, axes.top, axes.right, axes.bottom, axes.low_x, axes.high_x, 0.0, most * 1.05)
    drawn = line(scale.x(run.minutes()), scale.y(count), stroke="var(--ink)", width=1.0)
    label = text(axes.right + 4, float(scale.y(most)) + 3, f"{most:.0f}")
    return drawn + label + text(axes.right, axes.top + 8, "line: accounts in liquidation", anchor="end")
