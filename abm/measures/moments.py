"""Moments that recorded markets publish too, measured from records: what a calibration is held against.

Steps before `begin` (the burn-in) are left out of calm moments. Several venues of an asset count as one: prices are means,
quantities sums. `Missing` where a run does not show the moment.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.clearing.journal import EventKind
from abm.measures.liquidations import off_book
from abm.measures.path import mean, quantity, relative
from abm.measures.prices import level
from abm.measures.table import Measure
from abm.measures.value import Missing, Value, ratio
from abm.records import Records

Floats = NDArray[np.float64]
MINUTE, DAY = 60.0, 86_400.0
MINUTES = 5  # of the variance ratio

MOMENTS = {
    "moments.spread.<asset>": Measure("basis points", "quoted spread of the book, median over steps", "neither"),
    "moments.depth.<asset>": Measure("currency", "bids near the mark, median over steps", "neither"),
    "moments.turnover.<asset>": Measure("share per minute", "traded per minute over the bids near the mark", "neither"),
    "moments.minute_volatility.<asset>": Measure("share per square root of a day", "of one-minute returns of the mid", "neither"),
    "moments.minute_correlation.<asset>.<asset>": Measure("correlation", "of one-minute returns of two assets", "neither"),
    "moments.variance_ratio.<asset>": Measure("1", "variance of five-minute returns over five times that of minutes", "neither"),
    "moments.adl_share": Measure("share", "of what was closed by force or taken over, the part auto-deleveraged"),
    "moments.first_adl": Measure("seconds", "from the first liquidation to the first auto-deleveraging", "neither"),
    "moments.rebound.<asset>": Measure("share of the fall", "made good at the end of the run", "lower"),
}


def moments(records: Records, begin: int) -> dict[str, Any]:
    """Every moment under its name in `MOMENTS`; `begin` is the first step that counts in calm moments."""
    per_asset = {
        "spread": spread(records, begin),
        "depth": depth(records, begin),
        "turnover": turnover(records, begin),
        "minute_volatility": minute_volatility(records, begin),
        "variance_ratio": variance_ratio(records, begin),
        "rebound": rebound(records),
    }
    named = {f"moments.{name}.{asset}": value for name, row in per_asset.items() for asset, value in _named(records, row)}
    named |= {f"moments.minute_correlation.{a}.{b}": rho for (a, b), rho in minute_correlation(records, begin).items()}
    named["moments.adl_share"] = adl_share(records)
    named["moments.first_adl"] = first_adl(records)
    return {name: None if isinstance(value, Missing) else float(value) for name, value in named.items()}


def spread(records: Records, begin: int) -> list[Value]:
    """Median of (ask - bid) / mid over steps with both sides, per asset, basis points."""
    bid, ask = (records.per_instrument[side][begin:].astype(np.float64) for side in ("bid", "ask"))
    quoted = np.where((bid > 0) & (ask > 0), 2e4 * (ask - bid) / np.maximum(bid + ask, 1.0), np.nan)
    return [_median(row) for row in mean(records.meta, quoted).T]


def depth(records: Records, begin: int) -> list[Value]:
    """Median bids within `meta.depth_within` of the mark, per asset, currency at the opening price."""
    return [_median(row) for row in (_money(records, "depth_bid")[begin:]).T]


def turnover(records: Records, begin: int) -> list[Value]:
    """Traded per minute over the median bids near the mark, per asset, both at the opening price, share per minute."""
    per_minute = _money(records, "volume")[begin:].sum(axis=0) / max(1, len(records) - begin) * MINUTE / records.meta.step_seconds
    return [
        bids if isinstance(bids, Missing) else ratio(float(traded), bids, floor=0.0, what="the depth of the book")
        for traded, bids in zip(per_minute, depth(records, begin), strict=True)
    ]


def minute_volatility(records: Records, begin: int) -> list[Value]:
    """Standard deviation of one-minute log returns of the mid, scaled to a day, per asset."""
    return [_deviation(row) * np.sqrt(DAY / MINUTE) if len(row) > 1 else _short() for row in _returns(records, begin, 1).T]


def variance_ratio(records: Records, begin: int) -> list[Value]:
    """Variance of overlapping five-minute returns over five times that of one-minute returns, per asset; 1 without memory."""
    minutes, longer = _returns(records, begin, 1), _returns(records, begin, MINUTES)
    if len(longer) <= MINUTES:
        return [_short()] * longer.shape[1]
    variances = zip(longer.var(axis=0), MINUTES * minutes.var(axis=0), strict=True)
    return [ratio(float(above), float(below), floor=0.0, what="the variance of minutes") for above, below in variances]


def minute_correlation(records: Records, begin: int) -> dict[tuple[str, str], Value]:
    """Correlation of the one-minute returns of every two assets, in either order; 1 of an asset with itself."""
    returns, names = _returns(records, begin, 1), records.meta.assets
    if len(returns) < 3 or not returns.std(axis=0).all():
        return dict.fromkeys(product(names, names), Missing("needs assets that move for three minutes"))
    table = np.atleast_2d(np.corrcoef(returns.T))
    return {(a, b): float(table[i, j]) for (i, a), (j, b) in product(enumerate(names), enumerate(names))}


def adl_share(records: Records) -> Value:
    """Auto-deleveraged over that, forced fills and takeovers together; off-book parts at the mark of their step."""
    adl, taken = (float(off_book(records, column).sum()) for column in ("adl", "takeover"))
    book = float(records.per_instrument["forced_value"].sum() * records.meta.cash_unit)
    return ratio(adl, adl + book + taken, floor=0.0, what="what was closed by force")


def first_adl(records: Records) -> Value:
    """Seconds from the step of the first seizure to that of the first auto-deleveraging."""
    seized = np.flatnonzero(records.scalars["entered"])
    closed = records.events["step"][records.events["kind"] == EventKind.ADL]
    if not len(seized) or not len(closed):
        return Missing("nobody was auto-deleveraged")
    return float(records.seconds[closed.min()] - records.seconds[seized[0]])


def rebound(records: Records) -> list[Value]:
    """(mark at the end - low) / (mark before the shock - low), per asset; `Missing` where it did not fall."""
    start = records.meta.shock_step or 0
    before, path = level(records, start), relative(records)[start:]
    lows = path.min(axis=0)
    rows = zip(path[-1] - lows, before - lows, strict=True)
    return [ratio(float(up), float(down), floor=1e-3, what="the fall") for up, down in rows]


def _returns(records: Records, begin: int, minutes: int) -> Floats:
    """Overlapping log returns over `minutes` of the mid at whole minutes, (n, n_assets); the mark where a side is empty."""
    bid, ask, mark = (records.per_instrument[name][begin:].astype(np.float64) for name in ("bid", "ask", "mark"))
    mid = np.where((bid > 0) & (ask > 0), (bid + ask) / 2, mark)
    every = max(1, round(MINUTE / records.meta.step_seconds))
    logs = np.log(mean(records.meta, mid / records.meta.instruments.opening_tick)[::every])
    return logs[minutes:] - logs[:-minutes]


def _money(records: Records, column: str) -> Floats:
    """A column in lots as currency at the opening price, (n_steps, n_assets)."""
    instruments = records.meta.instruments
    price = mean(records.meta, instruments.opening_tick * instruments.tick_size)
    return quantity(records, column) * price


def _deviation(row: Floats) -> float:
    return float(row.std(ddof=1))


def _median(row: Floats) -> Value:
    known = row[np.isfinite(row)]
    return float(np.median(known)) if len(known) else Missing("the book never had both sides")


def _short() -> Missing:
    return Missing("the run is too short after its burn-in")


def _named(records: Records, row: list[Value]) -> list[tuple[str, Value]]:
    return list(zip(records.meta.assets, row, strict=True))
