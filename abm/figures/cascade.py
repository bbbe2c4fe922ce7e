"""Depth near the mark and what was closed by force, in time, one column of panels per asset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from abm.figures.columns import Series, assets, minutes, total, worth
from abm.figures.style import BLUE, ORANGE, PURPLE, SKY, VERMILION, WIDTH, grid, legend_below, shade_shock, styled, unit_of

BARS = 60  # at most this many bars in time


def cascade(
    steps: pd.DataFrame, shock: Mapping[str, Any] | None = None, *, within: float = 0.01, currency: str = "USD"
) -> Figure:
    """Bids and offers within `within` of the mark above; forced volume and auto-deleveraging below; all in currency.

    Time is cut into at most 60 bars: medians of the depth, its least right after forced orders, sums of the volume.
    """
    names, time = assets(steps), minutes(steps)
    per_bar = -(-len(steps) // BARS)
    starts = np.arange(0, len(steps), per_bar)
    bars = {asset: _bars(steps, asset, starts) for asset in names}
    width = per_bar * float(time[0])  # row 0 is the end of the first step
    depth = unit_of(max(float(np.max([b.bid, b.ask])) for b in bars.values()), currency)
    volume = unit_of(max(float(np.max(b.forced + b.adl)) for b in bars.values()), currency)
    with styled():
        drawn, panels = grid(2, len(names), (max(WIDTH, 1.9 * len(names)), 4.2), sharex=True)
        for (top, bottom), asset in zip(panels.T, names, strict=True):
            _depth(top, time[starts] - time[0] + width / 2, bars[asset], depth[0])
            _volume(bottom, time[starts] - time[0], width, bars[asset], volume[0])
            for axes in (top, bottom):
                shade_shock(axes, shock)
                axes.set_xlim(0, float(time[-1]))
            top.set_title(asset)
            bottom.set_xlabel("time, min")
        panels[0, 0].set_ylabel(f"depth within {100 * within:g} %, {depth[1]}")
        panels[1, 0].set_ylabel(f"closed per {_length(width)}, {volume[1]}")
        legend_below(drawn, *panels[:, 0])
    return drawn


class _Bars(NamedTuple):
    """One asset in time, (n_bars,) each, currency."""

    bid: Series
    ask: Series
    low: Series
    forced: Series
    adl: Series


def _bars(steps: pd.DataFrame, asset: str, starts: NDArray[np.int64]) -> _Bars:
    cuts = starts[1:]
    bid, ask = (
        np.array([np.median(part) for part in np.split(worth(steps, asset, side), cuts)]) for side in ("depth_bid", "depth_ask")
    )
    return _Bars(
        bid=bid,
        ask=ask,
        low=np.minimum.reduceat(worth(steps, asset, "depth_bid_low"), starts),
        forced=np.add.reduceat(total(steps, asset, "forced_value"), starts),
        adl=np.add.reduceat(worth(steps, asset, "adl"), starts),
    )


def _depth(axes: Axes, time: Series, bars: _Bars, scale: float) -> None:
    axes.plot(time, bars.ask / scale, color=ORANGE, label="offers")
    low = np.minimum(bars.low, bars.bid) / scale
    axes.fill_between(time, low, bars.bid / scale, color=SKY, alpha=0.5, linewidth=0, label="bids at their fewest")
    axes.plot(time, bars.bid / scale, color=BLUE, label="bids")
    axes.set_ylim(bottom=0)


def _volume(axes: Axes, left: Series, width: float, bars: _Bars, scale: float) -> None:
    forced, adl = bars.forced / scale, bars.adl / scale
    axes.bar(left, forced, width, align="edge", color=VERMILION, label="forced orders")
    axes.bar(left, adl, width, bottom=forced, align="edge", color=PURPLE, label="auto-deleveraging")
    axes.set_ylim(0, 1.05 * float(np.max(forced + adl)) or 1.0)


def _length(width: float) -> str:
    """A bar's length in words; `width` is in minutes."""
    whole = abs(width - round(width)) < 1e-6
    return "min" if whole and round(width) == 1 else f"{width:.0f} min" if whole else f"{60 * width:.0f} s"
