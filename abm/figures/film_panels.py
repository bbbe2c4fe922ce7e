"""The panels of a film. Each is drawn once on its axes and gives back the function that shows it after a row of steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from abm.figures.columns import Series, assets, change, minutes, total, worth
from abm.figures.infection import COLOURS
from abm.figures.style import BLACK, GREY, shade_shock, unit_of
from abm.figures.tree import asset_of, parents, places

Show = Callable[[int], None]
Shock = Mapping[str, Any] | None
BARS = 120  # of the forced volume in time
CALM = 60  # steps at most, whose median depth is 100 %
DARK, LIGHT = "#707070", "#B8B8B8"  # of what belongs to no asset
LARGEST, SMALLEST = 90.0, 4.0  # points^2, of a node of the forest


def colour(k: int) -> str:
    """The colour of asset number `k`."""
    return COLOURS[k % len(COLOURS)]


def key_numbers(axes: Axes, tables: Mapping[str, pd.DataFrame], currency: str) -> Show:
    """The clock, and what has come of it: sums from the opening to the shown step."""
    steps, events = tables["steps"], tables["events"]
    entered = events.loc[events["kind"] == "entered"].drop_duplicates("account")["step"].to_numpy()
    forced = np.cumsum(np.sum([total(steps, asset, "forced_value") for asset in assets(steps)], axis=0))
    adl = np.cumsum(np.sum([worth(steps, asset, "adl") for asset in assets(steps)], axis=0))
    deficit, waiting = np.cumsum(steps["deficit"].to_numpy()), steps["in_liquidation"].to_numpy()
    paths = np.minimum.accumulate([change(steps, asset) for asset in assets(steps)], axis=1)
    axes.axis("off")
    labels = ("time", "accounts seized", "being liquidated", "forced trades", "auto-deleveraged", "bad debt", "deepest fall")
    numbers = []
    for k, label in enumerate(labels):
        left = k / len(labels)
        axes.text(left, 0.95, label, transform=axes.transAxes, va="top", fontsize=7.5, color="#555555")
        numbers.append(axes.text(left, 0.0, "", transform=axes.transAxes, va="bottom", fontsize=12.5, fontweight="bold"))

    def show(row: int) -> None:
        seconds, deepest = round(float(steps["seconds"].iloc[row])), int(np.argmin(paths[:, row]))
        told = (
            f"{seconds // 60}:{seconds % 60:02d}",
            f"{int((entered <= row).sum()):,}",
            f"{int(waiting[row]):,}",
            *(money(float(column[row]), currency) for column in (forced, adl, deficit)),
            f"{assets(steps)[deepest]} {-paths[deepest, row]:.1f} %" if paths[deepest, row] < 0 else "none",
        )
        for number, text in zip(numbers, told, strict=True):
            number.set_text(text)

    return show


def money(amount: float, currency: str) -> str:
    """1234567.0 -> "1.2 M USD"."""
    scale, unit = unit_of(abs(amount), currency)
    return f"{amount / scale:.3g} {unit}"


def marks(axes: Axes, steps: pd.DataFrame, twin: tuple[str, pd.DataFrame] | None, shock: Shock) -> Show:
    """Marks of all assets in percent of the opening, with a dot at the moment shown; those of the twin dashed."""
    moving = []
    lowest, highest = 0.0, 0.0
    for table, dashed in ((steps, False), *([(twin[1], True)] if twin else [])):
        for k, asset in enumerate(assets(steps)):
            path = change(table, asset)
            lowest, highest = min(lowest, float(path.min())), max(highest, float(path.max()))
            style: dict[str, Any] = {"linestyle": (0, (3, 1.5)), "linewidth": 0.9} if dashed else {"linewidth": 1.6}
            (line,) = axes.plot([], [], color=colour(k), zorder=2 if dashed else 3, **style)
            (dot,) = axes.plot([], [], "o", color=colour(k), markersize=0 if dashed else 4, zorder=4)
            moving.append((minutes(table), path, line, dot))
    _in_time(axes, steps, shock, f"change of mark since the opening, %{' (dashed: twin)' if twin else ''}")
    room = 0.05 * max(highest - lowest, 0.1)
    axes.set_ylim(lowest - room, highest + room)

    def show(row: int) -> None:
        for time, path, line, dot in moving:
            line.set_data(time[: row + 1], path[: row + 1])
            dot.set_data(time[row : row + 1], path[row : row + 1])

    return show


def depths(axes: Axes, steps: pd.DataFrame, shock: Shock, *, within: float) -> Show:
    """Bids near the mark, median of the last minute, in percent of what they were before the shock."""
    minute = max(1, round(1.0 / float(minutes(steps)[0])))
    time, moving = minutes(steps), []
    calm = min(CALM, len(steps), max(1, int(np.sum(time < shock["start_seconds"] / 60))) if shock else CALM)
    for k, asset in enumerate(assets(steps)):
        bids = worth(steps, asset, "depth_bid")
        recent = pd.Series(bids).rolling(minute, min_periods=1).median().to_numpy()
        depth = 100.0 * recent / (float(np.median(bids[:calm])) or 1.0)
        (line,) = axes.plot([], [], color=colour(k), linewidth=1.0)
        moving.append((depth, line))
    _in_time(axes, steps, shock, f"bids within {100 * within:g} % of the mark, % of those before")
    axes.set_ylim(0, 1.05 * max(100.0, *(float(depth.max()) for depth, _ in moving)))

    def show(row: int) -> None:
        for depth, line in moving:
            line.set_data(time[: row + 1], depth[: row + 1])

    return show


def volumes(axes: Axes, steps: pd.DataFrame, shock: Shock, currency: str) -> Show:
    """Forced trades of each asset in at most 120 bars over time, stacked; the last bar is still growing."""
    names, length = assets(steps), -(-len(steps) // BARS)
    starts = np.arange(0, len(steps), length)
    values = np.stack([total(steps, asset, "forced_value") for asset in names])  # (n_assets, n_steps)
    scale, unit = unit_of(float(np.add.reduceat(values, starts, axis=1).sum(axis=0).max()), currency)
    step = float(minutes(steps)[0])  # row 0 is the end of the first step
    edges, nothing = np.append(starts, len(steps)) * step, np.zeros(len(starts))
    bars = [axes.stairs(nothing, edges, baseline=nothing, fill=True, color=colour(k)) for k in range(len(names))]
    _in_time(axes, steps, shock, f"forced trades per {60 * length * step:.0f} s, {unit}")
    axes.set_ylim(0, 1.05 * float(np.add.reduceat(values, starts, axis=1).sum(axis=0).max() / scale) or 1.0)

    def show(row: int) -> None:
        until = np.where(np.arange(len(steps)) <= row, values, 0.0)
        heights = np.add.reduceat(until, starts, axis=1) / scale
        tops = np.cumsum(heights, axis=0)
        for bar, height, top in zip(bars, heights, tops, strict=True):
            bar.set_data(top, baseline=top - height)

    return show


def distances(axes: Axes, health: pd.DataFrame, currency: str) -> Show:
    """Gross notional of leveraged accounts by distance to liquidation, at the latest snapshot; black below the line."""
    axes.set_title("leveraged accounts by distance to liquidation, % of notional", fontsize=8)
    if not len(health):
        return _missing(axes, "no snapshots were recorded")
    table = health.pivot_table(index="step", columns="low", values="notional", aggfunc="sum")
    low, high = 100.0 * table.columns.to_numpy(), 100.0 * np.unique(health["high"].to_numpy())
    moments, heights = table.index.to_numpy(), table.to_numpy()
    top = float(heights[:, :-1].max(initial=0.0))  # the outermost bin holds all that is beyond it
    scale, unit = unit_of(top, currency)
    edges, bars = np.append(low, high[-1]), []
    for chosen, shade in ((high <= 1e-9, BLACK), (high > 1e-9, DARK)):
        bars.append((chosen, axes.stairs(np.zeros(len(low)), edges, fill=True, color=shade)))
    axes.stairs(heights[0] / scale, edges, color=LIGHT, linewidth=0.9)
    axes.axvline(0.0, color=BLACK, linewidth=1.0, linestyle="--")
    axes.set_xlim(low[0], high[-2])
    axes.set_ylim(0, 1.05 * top / scale or 1.0)
    axes.set_ylabel(unit)

    def show(row: int) -> None:
        snapshot = max(0, int(np.searchsorted(moments, row, side="right")) - 1)
        for chosen, bar in bars:
            bar.set_data(np.where(chosen, heights[snapshot] / scale, 0.0))

    return show


def forest(axes: Axes, tables: Mapping[str, pd.DataFrame], shock: Shock) -> Show:
    """Every liquidation at its time, under the one through which it lost most; coloured by the asset it had lost most in."""
    lineage, seizures = tables.get("lineage"), tables.get("seizures")
    axes.set_title("liquidations, lines lead to those they lost most through; time, min", fontsize=8)
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    if lineage is None or seizures is None or not len(seizures):
        return _missing(axes, "nobody was seized, or no genealogy was recorded")
    shade_shock(axes, shock)
    first = seizures.drop_duplicates("liquidation").set_index("liquidation")
    parent = parents(lineage).reindex(first.index, fill_value=-1)
    parent = parent.where(parent.isin(parent.index), -1)
    height = places([-1, *parent.index.tolist()], parent)  # roots are children of nobody, -1
    step, time = first["step"].to_numpy(), first["seconds"].to_numpy() / 60.0
    where = {number: (t, height[number]) for number, t in zip(parent.index.tolist(), time.tolist(), strict=True)}
    spots = np.array([where[number] for number in parent.index])
    edges = [(where[above], where[number]) if above >= 0 else () for number, above in parent.items()]
    nodes = axes.scatter([], [], s=[], linewidths=0.3, edgecolors="white", zorder=3)
    lines = LineCollection([], colors=GREY, linewidths=0.5, zorder=2)
    axes.add_collection(lines)
    colours, sizes = _nodes(lineage, seizures, parent.index, assets(tables["steps"]))
    room = max(0.5, 0.03 * float(time.max() - time.min()))
    axes.set_xlim(time.min() - room, time.max() + room)
    axes.set_ylim(-1, max(height.values()) + 1)

    def show(row: int) -> None:
        seen = int(np.searchsorted(step, row, side="right"))
        nodes.set_offsets(spots[:seen])
        nodes.set_sizes(sizes[:seen])
        nodes.set_facecolor(colours[:seen])
        lines.set_segments([edge for edge in edges[:seen] if edge])

    return show


def _nodes(lineage: pd.DataFrame, seizures: pd.DataFrame, numbers: pd.Index, names: list[str]) -> tuple[list[str], Series]:
    """Colour of the asset lost most in, and area by the notional held, of each liquidation."""
    lost = lineage.assign(asset=asset_of(lineage["instrument"])).pivot_table(
        index="liquidation", columns="asset", values="loss", aggfunc="sum", fill_value=0.0
    )
    worst = lost.idxmax(axis=1).reindex(numbers, fill_value="")
    held = (seizures["quantity"].abs() * seizures["mark"]).groupby(seizures["liquidation"]).sum().reindex(numbers, fill_value=0.0)
    colours = [colour(names.index(asset)) if asset in names else GREY for asset in map(str, worst)]
    return colours, SMALLEST + LARGEST * held.to_numpy(dtype=np.float64) / (float(held.max()) or 1.0)


def _in_time(axes: Axes, steps: pd.DataFrame, shock: Shock, title: str) -> None:
    """Time from the opening to the end below, the shock shaded, what it is above."""
    shade_shock(axes, shock)
    axes.set_xlim(0, float(minutes(steps)[-1]))
    axes.set_title(f"{title}; time, min", fontsize=8)


def _missing(axes: Axes, why: str) -> Show:
    """A panel that has nothing to show."""
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", color=GREY)
    return lambda row: None
