"""The depth ladder of one book: what makers and others show at each price, and what was sold by force in the last step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.market.order import Reason
from abm.view.colours import var
from abm.view.history import History
from abm.view.legend import Entry, legend
from abm.view.svg import Size, box, head, nothing, short, svg, text

REACH = 0.02  # share of the mark shown on either side
BUCKETS = 8  # on either side


def ladder(run: History, instrument: int, size: Size) -> str:
    """Lots as units of the asset, by distance from the mark."""
    depth, sold = resting(run, instrument), forced(run, instrument)
    scale = max(float(depth.sum(axis=0).max()), float(sold.max()), 1e-12)
    top, left = 22.0, 46.0
    tall, most = (size.height - top - 26) / (2 * BUCKETS), size.width - left - 42
    mark = float(run.model.marks.mark[instrument] * run.instruments.tick_size[instrument])
    asset = run.model.scenario.assets[int(run.instruments.asset[instrument])].name
    note = f"{asset} resting; mark {mark:,.6g} {run.model.scenario.money.currency}"
    parts = [head(f"Book of {run.instruments.names[instrument]}", note)]
    for row in range(2 * BUCKETS):
        y = top + row * tall
        if row % 5 == 0:
            parts.append(text(left - 4, y + tall / 2 + 4, f"{_percent(row):+.1f}%", anchor="end"))
        parts.append(_level(depth[:, row], float(sold[row]), (left, y, most / scale, tall)))
    middle = top + BUCKETS * tall
    parts.append(f'<path class="axis" d="M{left} {top:.1f}v{2 * BUCKETS * tall:.1f}M4 {middle:.1f}H{size.width - 4:.1f}"/>')
    parts.append(text(size.width - 4, middle - 4, "offers", anchor="end"))
    parts.append(text(size.width - 4, middle + 12, "bids", anchor="end"))
    if not depth.any():
        parts.append(nothing(size, "nothing rests near the mark"))
    names = {"makers": "book", "others": "other", "forced (thin: filled)": "forced"}
    entries = [Entry(name, var(fill)) for name, fill in names.items()]
    label = f"Depth of the book of {run.instruments.names[instrument]}"
    return svg(size, *parts, legend(4, size.height - 5, entries, width=size.width - 8), label=label)


def _percent(row: int) -> float:
    """Middle of a row, % from the mark."""
    return 100.0 * (BUCKETS - row - 0.5) / BUCKETS * REACH


def _level(depth: NDArray[np.float64], sold: float, place: tuple[float, float, float, float]) -> str:
    """One row: what rests, stacked, its total, and in a thin bar what was filled by force."""
    left, top, scale, tall = place
    at, parts = left, []
    for lots, name in zip(depth.tolist(), ("book", "other", "forced"), strict=True):
        parts.append(box(at, top, scale * lots, tall - 1.5, fill=var(name)))
        at += scale * lots
    parts.append(box(left, top + tall * 0.25, scale * sold, tall * 0.4, fill=var("forced")))
    total = float(depth.sum())
    parts.append(text(max(at, left + scale * sold) + 3, top + tall / 2 + 3, short(total), css="fine") if total else "")
    return "".join(parts)


def resting(run: History, instrument: int) -> NDArray[np.float64]:
    """Units of the asset that makers, others and liquidators show, (3, 2 BUCKETS), from the highest price to the lowest."""
    orders = run.model.books.resting_orders()
    orders = orders[orders["instrument"] == instrument]
    kind = np.where(np.isin(orders["trader"], run.model.desk.rows), 0, 1)
    kind[orders["reason"] == Reason.FORCED] = 2
    return _bucketed(run, instrument, orders["tick"], orders["lots"], kind)


def forced(run: History, instrument: int) -> NDArray[np.float64]:
    """Units of the asset bought or sold by force in the last step, by average price of each order, (2 BUCKETS,)."""
    tables = [table for table in run.sales[-8:] if len(table) and table["step"][0] == run.model.tick - 1]
    rows = np.concatenate(tables) if tables else np.empty(0, dtype=[("instrument", int), ("filled", int), ("value", int)])
    rows = rows[(rows["instrument"] == instrument) & (rows["filled"] != 0)]
    lots = np.abs(rows["filled"])
    tick = rows["value"] / np.maximum(lots, 1) / run.instruments.unit[instrument]
    return np.asarray(_bucketed(run, instrument, tick, lots, np.zeros(len(rows), dtype=np.int64))[0])


def _bucketed(
    run: History, instrument: int, tick: NDArray[np.int64], lots: NDArray[np.int64], kind: NDArray[np.int64]
) -> NDArray[np.float64]:
    mark = float(run.model.marks.mark[instrument])
    distance = tick / mark - 1.0
    row = np.floor((REACH - distance) / REACH * BUCKETS).astype(np.int64)
    seen = (row >= 0) & (row < 2 * BUCKETS)
    depth = np.zeros((3, 2 * BUCKETS))
    np.add.at(depth, (kind[seen], row[seen]), lots[seen] * float(run.instruments.lot_size[instrument]))
    return depth
