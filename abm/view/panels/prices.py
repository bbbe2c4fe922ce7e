"""Prices: one small chart per asset with mark, book and outside value, forced trades, halts and the shock marked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.view.colours import asset, var
from abm.view.history import History
from abm.view.legend import ROW, Entry, legend, rows_of
from abm.view.svg import Axes, Floats, Size, box, head, line, outline, path, svg, text

MOST = 8  # assets drawn
Place = tuple[float, float, float, float]  # left, top, width, height in pixels


def prices(run: History, other: History | None, size: Size) -> str:
    """Change since the opening in percent, over minutes; an asset's venues share its chart."""
    entries = _entries(run, other)
    foot = ROW * len(rows_of(entries, size.width - 8)) + 4
    parts = [_chart(run, other, row, place) for row, place in enumerate(places(run, Size(size.width, size.height - foot)))]
    drawn = legend(4, size.height - 5, entries, width=size.width - 8)
    return svg(size, *parts, drawn, label="Prices of each asset, percent since the opening")


def places(run: History, size: Size) -> list[Place]:
    """Where each asset's chart stands."""
    count = min(int(run.instruments.asset.max()) + 1, MOST)
    across = 1 if count == 1 else 2 if count <= 4 else 3 if count <= 6 else 4
    down = -(-count // across)
    wide, high = size.width / across, size.height / down
    return [(wide * (row % across), high * (row // across), wide, high) for row in range(count)]


def book_at(run: History, size: Size, x: float, y: float) -> int | None:
    """The first book of the asset whose chart is at a place in pixels."""
    for row, (left, top, width, height) in enumerate(places(run, size)):
        if left <= x < left + width and top <= y < top + height:
            return int(np.flatnonzero(run.instruments.asset == row)[0])
    return None


def changes(run: History, i: int) -> dict[str, Floats]:
    """Percent since the opening of `mark`, `mid` (NaN where a side is empty) and `value` of instrument `i`, (n_steps,)."""
    bid, ask = (run.column(name)[:, i].astype(np.float64) for name in ("bid", "ask"))
    mid = np.where((bid > 0) & (ask > 0), (bid + ask) / 2, np.nan)
    paths = {"mark": run.column("mark")[:, i], "mid": mid, "value": run.column("value")[:, i]}
    return {name: 100.0 * (path / run.opening[i] - 1.0) for name, path in paths.items()}


def _entries(run: History, other: History | None) -> list[Entry]:
    venues = run.model.scenario.venues
    marks = [f"mark at {venue.name}" for venue in venues] if len(venues) > 1 else ["mark"]
    entries = [Entry(name, var("ink" if row == 0 else "soft"), "line") for row, name in enumerate(marks)]
    entries += [Entry("book mid", var("book"), "line"), Entry("outside value", var("outside"), "dashed")]
    entries += [Entry("twin's mark", var("twin"), "dotted")] if other is not None else []
    entries += [Entry("forced trades", var("forced"))]
    entries += [Entry("shock", var("shock"))] if run.model.scenario.world.shocks else []
    return entries + ([Entry("halt", var("halt"))] if bool(run.column("halted").any()) else [])


def _chart(run: History, other: History | None, row: int, place: Place) -> str:
    left, top, width, height = place
    legs = [int(i) for i in np.flatnonzero(run.instruments.asset == row)]
    paths = {i: changes(run, i) for i in legs}
    twins = [changes(other, i)["mark"] for i in legs] if other is not None else []
    axes = _axes(run, place, [*(paths[i][name] for i in legs for name in ("mark", "value")), *twins])
    x, parts = axes.x(run.minutes()), [_shock(run, axes), *(_halts(run, i, axes) for i in legs)]
    parts += [axes.grid(x_unit=" min", y_unit="%", ticks_y=3), _forced(run, legs, axes)]
    parts.append(line(x, axes.y(paths[legs[0]]["value"]), stroke=var("outside"), width=1.0, css="dashed"))
    parts += [line(x, axes.y(paths[i]["mid"]), stroke=var("book"), width=0.9) for i in legs]
    parts += [line(x, axes.y(mark), stroke=var("twin"), width=1.8, css="dotted") for mark in twins]
    for i in reversed(legs):
        parts.append(line(x, axes.y(paths[i]["mark"]), stroke=var("ink" if i == legs[0] else "soft"), width=1.6))
    now = " / ".join(f"{round(float(paths[i]['mark'][-1]), 1) + 0.0:+.1f} %" for i in legs) if len(x) else ""
    parts.append(box(left + 4, top + 5, 9, 9, fill=asset(row)))
    note = "change since the opening" if width > 260 else ""
    parts.append(head(run.model.scenario.assets[row].name, note, x=left + 17, y=top + 13))
    return "".join([*parts, text(left + width - 10, top + 13, now, anchor="end", css="head")])


def _axes(run: History, place: Place, shown: list[Floats]) -> Axes:
    left, top, width, height = place
    low = min([-1.0, *(float(path.min()) for path in shown if len(path))])
    high = max([0.5, *(float(path.max()) for path in shown if len(path))])
    pad = 0.06 * (high - low)
    return Axes(left + 38, top + 20, left + width - 10, top + height - 20, 0.0, run.horizon(), low - pad, high + pad)


def _shock(run: History, axes: Axes) -> str:
    parts = []
    for shock in run.model.scenario.world.shocks:
        begin, end = float(axes.x(shock.at / 60.0)), float(axes.x((shock.at + shock.ramp) / 60.0))
        if shock.at / 60.0 >= axes.high_x:
            continue
        parts.append(box(begin, axes.top, max(end - begin, 1.5), axes.bottom - axes.top, fill=var("shock"), opacity=0.22))
    return "".join(parts)


def _halts(run: History, i: int, axes: Axes) -> str:
    closed = np.flatnonzero(run.column("halted")[:, i])
    if not len(closed):
        return ""
    minutes, width = run.minutes(), run.model.step_seconds / 60.0
    breaks = np.flatnonzero(np.diff(closed) > 1)
    firsts, lasts = closed[np.append(0, breaks + 1)], closed[np.append(breaks, len(closed) - 1)]
    ends = [(float(axes.x(minutes[a] - width)), float(axes.x(minutes[b]))) for a, b in zip(firsts, lasts, strict=True)]
    tall = axes.bottom - axes.top
    return "".join(box(a, axes.top, max(b - a, 1.0), tall, fill=var("halt"), opacity=0.3) for a, b in ends)


def _forced(run: History, legs: list[int], axes: Axes) -> str:
    """Bars at the foot: value traded by force in the step over the largest so far, as its root."""
    forced: NDArray[np.float64] = run.column("forced_value")[:, legs].sum(axis=1).astype(np.float64)
    where = np.flatnonzero(forced)
    if not len(where):
        return ""
    tall = 0.35 * (axes.bottom - axes.top) * np.sqrt(forced[where] / forced.max())
    x = axes.x(run.minutes()[where])
    bars = outline("M%d %dv%d", x, np.full(len(x), axes.bottom), -tall)
    return path(bars, stroke=var("forced"), width=1.4, more=' opacity="0.85"')
