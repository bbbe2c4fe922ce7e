"""The depth ladder of one book: what makers and others show at each price, and what was sold by force in the last step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.market.order import Reason
from abm.view.history import History
from abm.view.svg import BLUE, GREY, RED, box, legend, short, svg, text

WIDTH, HEIGHT = 380, 300
REACH = 0.02  # share of the mark shown on either side
BUCKETS = 11  # on either side


def ladder(run: History, instrument: int) -> str:
    """Lots as units of the asset, by distance from the mark."""
    depth = resting(run, instrument)
    sold = forced(run, instrument)
    scale = max(float(depth.sum(axis=0).max()), float(sold.max()), 1e-12)
    tall, middle, most = (HEIGHT - 62) / (2 * BUCKETS), 58.0, WIDTH - 58.0 - 46.0
    mark = int(run.model.marks.mark[instrument]) * run.instruments.tick_size[instrument]
    name = run.instruments.names[instrument]
    parts = [text(4, 13, f"Book of {name}: {name} resting, by % from the mark ({mark:,.6g})", css="head")]
    for row in range(2 * BUCKETS):
        top, at = 22 + row * tall, middle
        side = row < BUCKETS  # offers are above
        share = (BUCKETS - row - 0.5) / BUCKETS * REACH
        if row % 2 == 0:
            parts.append(text(middle - 6, top + tall - 2, f"{100 * share:+.2f}", anchor="end"))
        for lots, fill in ((depth[0, row], BLUE), (depth[1, row], "#E69F00"), (depth[2, row], RED)):
            width = most * float(lots) / scale
            parts.append(box(at, top, width, tall - 1.5, fill=fill, opacity=0.9 if side else 0.75))
            at += width
        if sold[row] > 0:
            parts.append(box(middle, top + tall * 0.3, most * float(sold[row]) / scale, tall * 0.35, fill=RED))
        if (total := float(depth[:, row].sum())) > 0:
            parts.append(text(at + 3, top + tall - 2, short(total)))
    parts.append(f'<path stroke="{GREY}" d="M{middle:.1f} {22 + BUCKETS * tall:.1f}H{WIDTH - 6}"/>')
    parts.append(text(WIDTH - 6, 22 + BUCKETS * tall - 3, "offers", anchor="end"))
    parts.append(text(WIDTH - 6, 22 + BUCKETS * tall + 11, "bids", anchor="end"))
    if not depth.any():
        parts.append(text(WIDTH / 2, HEIGHT / 2, "nothing rests near the mark", anchor="middle"))
    parts.append(legend(10, HEIGHT - 8, [("makers", BLUE), ("others", "#E69F00"), ("forced (last step)", RED)]))
    return svg(WIDTH, HEIGHT, *parts, label=f"Depth of the book of {name}")


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
