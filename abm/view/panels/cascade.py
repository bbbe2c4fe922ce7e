"""The cascade in time: value traded by force, by asset above and by generation of the liquidation below."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from abm.view.colours import GENERATIONS, asset, generation, var
from abm.view.history import History
from abm.view.legend import ROW, Entry, legend, rows_of
from abm.view.svg import Axes, Floats, Size, box, head, line, svg, text

BINS = 60
ASSETS_MOST = 8
KEY = 30.0  # pixels, of one generation in the key


def cascade(run: History, other: History | None, size: Size) -> str:
    """Two rows of stacked bars, currency a minute; the twin's total is a line in the upper one."""
    rate = volumes(run) / _minutes(run)
    twin = volumes(other).sum(axis=1) / _minutes(run) if other is not None else np.zeros(0)
    most = max(float(rate.sum(axis=1).max()), float(twin.max(initial=0.0)), 1.0)
    names = [asset.name for asset in run.model.scenario.assets[:ASSETS_MOST]]
    entries = [Entry(name, asset(row)) for row, name in enumerate(names)]
    entries += [Entry("twin, all", var("twin"), "dotted")] if other is not None else []
    tail = ROW * len(rows_of(entries, size.width - 8))
    half = (size.height - 18 - ROW - tail) / 2 - 14
    upper, lower = _axes(run, size, 20.0, half, most), _axes(run, size, 20.0 + half + 16 + tail + ROW, half - 6, most)
    parts = [head("Forced trades", f"{run.model.scenario.money.currency} a minute, by asset and generation")]
    parts += [upper.grid(ticks_y=2), _stacked(upper, rate, asset)]
    if other is not None:
        x = upper.x((np.arange(BINS) + 0.5) * upper.high_x / BINS)
        parts.append(line(x, upper.y(twin), stroke=var("twin"), width=1.8, css="dotted"))
    parts.append(legend(4, 20 + half + 17, entries, width=size.width - 8))
    parts += [lower.grid(x_unit=" min", ticks_y=2), _stacked(lower, generations(run) / _minutes(run), _shade)]
    parts.append(_key(lower))
    return svg(size, *parts, label="Forced trades in time, by asset and by generation")


def volumes(run: History) -> Floats:
    """Currency traded by force in each of `BINS` parts of the time shown, (BINS, n_assets)."""
    value, places = run.column("forced_value"), run.instruments.asset
    total = np.zeros((BINS, int(places.max()) + 1))
    for i, row in enumerate(places.tolist()):
        total[:, row] += np.bincount(_bins(run, len(value)), value[:, i], minlength=BINS)
    return total * run.money(1)


def generations(run: History) -> Floats:
    """Currency traded by force in each part of the time shown, by generation of the liquidation, (BINS, GENERATIONS)."""
    value = run.by_generation[: run.model.tick]
    rows = _bins(run, len(value))
    columns = [np.bincount(rows, value[:, k], minlength=BINS) for k in range(GENERATIONS)]
    return np.asarray(np.stack(columns, axis=1) * run.money(1))


def _bins(run: History, n_steps: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The part that each step falls into."""
    minutes = run.model.step_seconds / 60.0 * np.arange(n_steps)
    return np.minimum((minutes * BINS / run.horizon() + 1e-9).astype(np.int64), BINS - 1)


def _minutes(run: History) -> float:
    """Length of one bin."""
    return run.horizon() / BINS


def _axes(run: History, size: Size, top: float, tall: float, most: float) -> Axes:
    return Axes(42.0, top + 4, size.width - 12.0, top + tall, 0.0, _minutes(run) * BINS, 0.0, most * 1.05)


def _stacked(axes: Axes, rate: Floats, fill: Callable[[int], str]) -> str:
    """One path per column: its part of every bar."""
    scale = (axes.bottom - axes.top) / axes.high_y
    wide = (axes.right - axes.left) / BINS
    base = np.cumsum(rate, axis=1)
    parts = []
    for k in range(rate.shape[1]):
        path = ""
        for b in np.flatnonzero(rate[:, k]).tolist():
            x, y, tall = axes.left + b * wide, axes.bottom - scale * base[b, k], scale * rate[b, k]
            path += f"M{x:.1f} {y:.1f}h{wide - 0.5:.1f}v{tall:.1f}h{0.5 - wide:.1f}z"
        parts.append(f'<path fill="{fill(k)}" d="{path}"/>' if path else "")
    return "".join(parts)


def _shade(column: int) -> str:
    return generation(column + 1)


def _key(axes: Axes) -> str:
    """The generations' colours, above their bars."""
    at, y = 76.0, axes.top - 8
    parts = [text(4, y, "generation")]
    for number in range(1, GENERATIONS + 1):
        parts.append(box(at, y - 8, 9, 9, fill=generation(number)))
        parts.append(text(at + 12, y, f"{number}+" if number == GENERATIONS else f"{number}"))
        at += KEY
    return "".join(parts)
