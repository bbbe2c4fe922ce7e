"""How often and how long circuit breakers closed the books."""

from __future__ import annotations

import numpy as np

from abm.measures.path import total
from abm.records import Records


def halts(records: Records) -> list[int]:
    """Halts of the asset's books, those of every venue counted, per asset."""
    begun = np.diff(records.per_instrument["halted"], axis=0, prepend=0) == 1
    return [int(number) for number in total(records.meta, begun.sum(axis=0).astype(np.float64))]


def halted_seconds(records: Records) -> list[float]:
    """Time in which a book of any of the asset's instruments was closed by a breaker, per asset, seconds."""
    closed, asset = records.per_instrument["halted"] == 1, records.meta.instruments.asset
    steps = [closed[:, asset == a].any(axis=1).sum() for a in range(len(records.meta.assets))]
    return [int(n) * records.meta.step_seconds for n in steps]
