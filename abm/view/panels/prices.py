"""Prices: one small chart per instrument with mark, book and outside value, forced trades, halts and the shock marked."""

from __future__ import annotations

import numpy as np

from abm.view.history import History
from abm.view.svg import BLUE, GREY, RED, Axes, Floats, box, colour, legend, line, svg, text

WIDTH, HEIGHT = 600, 300
MOST = 8  # instruments drawn


def prices(run: History, other: History | None) -> str:
    """Change since the opening in percent, over minutes."""
    count = min(len(run.instruments), MOST)
    across = 2 if count > 1 else 1
    down = -(-count // across)
    wide, high = WIDTH / across, (HEIGHT - 22) / down
    parts = [_one(run, other, i, (wide * (i % across), high * (i // across), wide, high)) for i in range(count)]
    entries = [("mark", "var(--ink)"), ("book mid", BLUE), ("outside value", GREY), ("forced trades", RED)]
    entries += [("mark of the twin", "#009E73")] if other is not None else []
    return svg(WIDTH, HEIGHT, *parts, legend(40, HEIGHT - 6, entries), label="Prices of each asset, percent since the opening")


def changes(run: History, i: int) -> dict[str, Floats]:
    """Percent since the opening of `mark`, `mid` (NaN where a side is empty) and `value` of instrument `i`, (n_steps,)."""
    bid, ask = (run.column(name)[:, i].astype(np.float64) for name in ("bid", "ask"))
    mid = np.where((bid > 0) & (ask > 0), (bid + ask) / 2, np.nan)
    paths = {"mark": run.column("mark")[:, i], "mid": mid, "value": run.column("value")[:, i]}
    return {name: 100.0 * (path / run.opening[i] - 1.0) for name, path in paths.items()}


def _one(run: History, other: History | None, i: int, place: tuple[float, float, float, float]) -> str:
    left, top, width, height = place
    minutes, paths = run.minutes(), changes(run, i)
    shown = [paths["mark"], paths["value"]] + ([changes(other, i)["mark"]] if other is not None else [])
    low = min([-1.0, *(float(path.min()) for path in shown if len(path))])
    high = max([0.5, *(float(path.max()) for path in shown if len(path))])
    pad = 0.06 * (high - low)
    end = run.model.scenario.time.duration / 60.0
    axes = Axes(left + 34, top + 18, left + width - 8, top + height - 26, 0.0, end, low - pad, high + pad)
    parts = [_shock(run, axes), _halts(run, i, axes), axes.grid(x_label="min", ticks_y=3)]
    parts.append(text(left + 34, top + 11, f"{run.instruments.names[i]}, % since the opening", css="head"))
    x = axes.x(minutes)
    parts.append(_forced(run, i, axes))
    parts.append(line(x, axes.y(paths["value"]), stroke=GREY, width=1.0, css="dashed"))
    parts.append(line(x, axes.y(paths["mid"]), stroke=BLUE, width=0.9))
    if other is not None:
        parts.append(line(x, axes.y(changes(other, i)["mark"]), stroke="#009E73", width=1.4))
    parts.append(line(x, axes.y(paths["mark"]), stroke="var(--ink)", width=1.5))
    if len(minutes):
        parts.append(text(left + width - 8, top + 11, f"{paths['mark'][-1]:+.2f} %", anchor="end", fill=colour(i)))
    return "".join(parts)


def _shock(run: History, axes: Axes) -> str:
    shocks, parts = run.model.scenario.world.shocks, []
    for shock in shocks:
        begin, end = float(axes.x(shock.at / 60.0)), float(axes.x((shock.at + shock.ramp) / 60.0))
        parts.append(box(begin, axes.top, max(end - begin, 1.5), axes.bottom - axes.top, fill="#F0E442", opacity=0.22))
    return "".join(parts)


def _halts(run: History, i: int, axes: Axes) -> str:
    closed = np.flatnonzero(run.column("halted")[:, i])
    if not len(closed):
        return ""
    minutes, width = run.minutes(), run.model.step_seconds / 60.0
    breaks = np.flatnonzero(np.diff(closed) > 1)
    firsts, lasts = closed[np.append(0, breaks + 1)], closed[np.append(breaks, len(closed) - 1)]
    ends = [(float(axes.x(minutes[a] - width)), float(axes.x(minutes[b]))) for a, b in zip(firsts, lasts, strict=True)]
    return "".join(box(a, axes.top, max(b - a, 1.0), axes.bottom - axes.top, fill="#CC79A7", opacity=0.3) for a, b in ends)


def _forced(run: History, i: int, axes: Axes) -> str:
    """Bars at the foot: forced volume of the step over the largest so far."""
    forced = run.column("forced")[:, i].astype(np.float64)
    where = np.flatnonzero(forced)
    if not len(where):
        return ""
    tall = 0.35 * (axes.bottom - axes.top) * np.sqrt(forced[where] / forced.max())
    x = axes.x(run.minutes()[where])
    path = "".join(f"M{a:.1f} {axes.bottom:.1f}v{-h:.1f}" for a, h in zip(x.tolist(), tall.tolist(), strict=True))
    return f'<path fill="none" stroke="{RED}" stroke-width="1.2" opacity="0.8" d="{path}"/>'
