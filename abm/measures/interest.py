"""How much open interest disappeared."""

from __future__ import annotations

import numpy as np

from abm.measures.path import total
from abm.measures.value import Missing, Value
from abm.records import Records


def open_interest_drop(records: Records, start: int) -> list[Value]:
    """Share of the one-sided open interest before `start` that was gone at its lowest from then on, per asset.

    1 - min_{t >= start} OI(t) / OI(start - 1), in units of the asset over all its instruments, >= 0. `Missing` where
    there was none.
    """
    meta = records.meta
    path = total(meta, records.per_instrument["open_interest"] * meta.instruments.lot_size)
    opening = total(meta, meta.opening_open_interest * meta.instruments.lot_size)
    before = path[start - 1] if start > 0 else opening
    lowest = np.minimum(before, path[start:].min(axis=0, initial=np.inf))
    return [
        float(1.0 - left / was) if was > 0 else Missing("there was no open interest before the shock")
        for left, was in zip(lowest, before, strict=True)
    ]
