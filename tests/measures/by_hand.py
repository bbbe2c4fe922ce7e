"""Small records written by hand, through the recorder itself: a calm market of BTC and ETH unless told otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from abm.market.instrument import Instruments
from abm.recorder import Recorder
from abm.records import LIQUIDATION, PER_INSTRUMENT, RUN, SCALARS, Meta, Records

OPENING = 10_000  # ticks, of every instrument
CALM = {
    "mark": OPENING,
    "index": OPENING,
    "value": OPENING,
    "last": OPENING,
    "bid": OPENING - 1,
    "ask": OPENING + 1,
    "depth_bid": 100,
    "depth_ask": 100,
    "depth_bid_low": 100,
    "open_interest": 1_000,
}


def instruments(names: Sequence[str] = ("BTC", "ETH"), asset: Sequence[int] = (0, 1)) -> Instruments:
    """BTC at 100,000 (tick 10, lot 0.001), every other at 1,000 (tick 0.1, lot 0.1); 1 cash unit = 0.01."""
    n = len(names)
    first = np.arange(n) == 0
    return Instruments(
        names=tuple(names),
        asset=np.array(asset),
        venue=np.zeros(n, dtype=np.int64),
        tick_size=np.where(first, 10.0, 0.1),
        lot_size=np.where(first, 0.001, 0.1),
        unit=np.ones(n, dtype=np.int64),
        opening_tick=np.full(n, OPENING),
        ladder_ticks=np.full(n, 4 * OPENING),
    )


def meta(table: Instruments, **changes: Any) -> Meta:
    """ETH is shocked in step 1; steps of 5 s."""
    fields: dict[str, Any] = {
        "scenario": "by_hand",
        "twin": RUN,
        "seed": 7,
        "step_seconds": 5.0,
        "shock_step": 1,
        "shock_steps": 1,
        "shocked": (1,),
        "instruments": table,
        "assets": ("BTC", "ETH"),
        "groups": ("carry", "maker"),
        "cash_unit": 0.01,
        "currency": "USD",
        "depth_within": 0.01,
        "opening_open_interest": np.full(len(table), 1_000),
        "opening_leveraged_notional": 1_000_000,
        "opening_maker_equity": 500,
        "equity": {"carry": (1_000, 800), "maker": (500, 600), "system": (1_500, 1_400)},
        "conservation": {"cash_error": 0, "lots_error": 0},
    }
    return Meta(**(fields | changes))


def records(
    n_steps: int = 4,
    *,
    columns: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
    scalars: Mapping[str, Sequence[int]] | None = None,
    liquidations: Sequence[Mapping[str, int]] = (),
    events: Sequence[Mapping[str, Any]] = (),
    table: Instruments | None = None,
    lineage: Any = None,
    **changes: Any,
) -> Records:
    """Records whose `columns[name][instrument]` and `scalars[name]` are given step by step; all others are calm."""
    table = table or instruments()
    paths = {
        name: np.array([(columns or {}).get(name, {}).get(i, [CALM.get(name, 0)] * n_steps) for i in table.names])
        for name in PER_INSTRUMENT
    }
    numbers = {name: (scalars or {}).get(name, [500 if name == "maker_equity" else 0] * n_steps) for name in SCALARS}
    recorder = Recorder(table, n_steps)
    for s in range(n_steps):
        recorder.step(
            s,
            seconds=(s + 1) * 5.0,
            per_instrument={name: path[:, s] for name, path in paths.items()},
            scalars={name: number[s] for name, number in numbers.items()},
        )
    for row in liquidations:
        fields = {name: [row.get(name, 0)] for name in LIQUIDATION.names[1:]}
        recorder.liquidation(row["step"], **fields)
    for event in events:
        recorder.event(**event)
    return recorder.records(meta(table, **changes), lineage=() if lineage is None else (lineage,))
