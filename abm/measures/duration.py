"""The largest cascade in time: seizures and forced orders that follow one another closely."""

from __future__ import annotations

from typing import Any

import numpy as np

from abm.measures.value import Missing
from abm.records import Records

QUIET = 60.0  # s without a seizure or forced fill after which a new cascade begins


def cascades(run: Records) -> list[tuple[int, int]]:
    """First and last step of each cascade, in order: no more than `QUIET` seconds pass in it without a seizure or forced fill."""
    active = np.flatnonzero((run.scalars["entered"] > 0) | (run.per_instrument["forced"] > 0).any(axis=1))
    if not len(active):
        return []
    cuts = np.flatnonzero(np.diff(active) * run.meta.step_seconds > QUIET) + 1
    return [(int(part[0]), int(part[-1])) for part in np.split(active, cuts)]


def largest_cascade(run: Records) -> dict[str, Any]:
    """`cascade_size` and `cascade_duration` of the cascade with most seizures, the earliest of equals."""
    found = cascades(run)
    if not found:
        return {"cascade_size": 0, "cascade_duration": Missing("nobody was seized")}
    sizes = [int(run.scalars["entered"][first : last + 1].sum()) for first, last in found]
    first, last = found[int(np.argmax(sizes))]
    return {"cascade_size": max(sizes), "cascade_duration": (last + 1 - first) * run.meta.step_seconds}
