"""What became of the books: depth near the mark, spread, and the time until the bids are back.

Not suitable where the shock is upward: then the offers are what breaks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.measures.path import quantity
from abm.measures.value import Missing, Value
from abm.records import Records

RECOVERED = 0.9  # share of the calm depth at which a book counts as recovered


def calm_depth(records: Records, start: int) -> list[Value]:
    """Median bids near the mark in the steps before `start` (all steps where `start` is 0), per asset, asset units."""
    depth = quantity(records, "depth_bid")
    calm = depth[:start] if start > 0 else depth
    return [
        float(median) if median > 0 else Missing("the book had no bids near the mark in the calm")
        for median in (np.median(calm, axis=0) if len(calm) else np.zeros(depth.shape[1]))
    ]


def depth_min(records: Records, start: int) -> list[Value]:
    """Fewest bids near the mark from `start` on, right after forced orders, over the calm depth, per asset, share."""
    lowest = quantity(records, "depth_bid_low")[start:]
    return [
        calm if isinstance(calm, Missing) else float(lowest[:, asset].min()) / calm
        for asset, calm in enumerate(calm_depth(records, start))
    ]


def recovery_time(records: Records, start: int, share: float = RECOVERED) -> list[Value]:
    """Seconds from the fewest bids to the first later step with `share` of the calm depth again, per asset.

    0 where the bids never fell below that. `Missing` (censored) where they were not back at the end of the run.
    """
    return [
        calm if isinstance(calm, Missing) else _recovery(records, start, asset, share * calm)
        for asset, calm in enumerate(calm_depth(records, start))
    ]


def _recovery(records: Records, start: int, asset: int, enough: float) -> Value:
    lowest = quantity(records, "depth_bid_low")[start:, asset]
    bottom = start + int(np.argmin(lowest))
    if lowest.min() >= enough:
        return 0.0
    back = np.flatnonzero(quantity(records, "depth_bid")[bottom:, asset] >= enough)
    if not len(back):
        waited = records.seconds[-1] - records.seconds[bottom]
        return Missing(f"not recovered within the {waited:.0f} s from the fewest bids to the end of the run")
    return float(records.seconds[bottom + back[0]] - records.seconds[bottom])


def spread_max(records: Records, start: int) -> list[Value]:
    """Widest quoted spread from `start` on, per asset (its worst instrument), basis points of the mid.

    max_t (ask - bid) / ((ask + bid) / 2) over steps with both sides; `Missing` where none had. Steps with an empty side
    are worse than any spread: see `empty_side_seconds`.
    """
    bid, ask = (records.per_instrument[side][start:] for side in ("bid", "ask"))
    quoted = (bid > 0) & (ask > 0)
    spread = np.where(quoted, (ask - bid) / np.maximum((ask + bid) / 2, 1), -1.0)
    widest = [spread[:, records.meta.instruments.asset == asset].max(initial=-1.0) for asset in range(len(records.meta.assets))]
    return [float(w) * 1e4 if w >= 0 else Missing("the book never had both sides") for w in widest]


def empty_side_seconds(records: Records) -> list[float]:
    """Time in which a side of the book of any of the asset's instruments was empty, per asset, seconds."""
    empty = (records.per_instrument["bid"] == 0) | (records.per_instrument["ask"] == 0)
    steps = [empty[:, records.meta.instruments.asset == asset].any(axis=1).sum() for asset in range(len(records.meta.assets))]
    return [int(n) * records.meta.step_seconds for n in steps]


def book_exhausted(records: Records) -> NDArray[np.int64]:
    """Steps in which the book had too little for a forced order within its limit, the most of an asset's instruments,
    (n_assets,). Prices of such steps say how orders are limited more than what a sale does."""
    meta, steps = records.meta, records.per_instrument["exhausted"].sum(axis=0)
    return np.array([steps[meta.instruments.asset == a].max() for a in range(len(meta.assets))], dtype=np.int64)
