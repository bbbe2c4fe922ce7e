"""Branching ratio of liquidations: which share of them follows from earlier ones, if they came as a Hawkes process.

Not suitable as a measure of cause: a rate that changes over the run, as in any cascade, raises it just as contagion does; the
genealogy and the twins tell causes. The window must be long against the time in which one liquidation sets off another.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from abm.clearing.journal import EventKind
from abm.measures.value import Missing, Value
from abm.records import Records

WINDOW = 60.0  # s, in which liquidations are counted
FEWEST = 20  # windows: the estimate's standard error is (1 - n) / sqrt(2 x windows), a sixth of 1 - n


def branching_ratio(counts: ArrayLike) -> Value:
    """n = 1 - sqrt(mean / variance) of event `counts` (n_windows,) in equal windows, share.

    0 for a Poisson process, towards 1 at criticality, below 0 if events come more evenly than by chance; `Missing` for fewer
    than `FEWEST` windows or where all hold equally many events. Source: Hardiman & Bouchaud 2014, Physical Review E 90, 062807.
    """
    events = np.asarray(counts, dtype=np.float64)
    if len(events) < FEWEST:
        return Missing(f"needs {FEWEST} windows, had {len(events)}")
    if not (variance := float(events.var(ddof=1))):
        return Missing(f"every window holds {events[0]:g} events")
    return 1.0 - float(np.sqrt(events.mean() / variance))


def of_liquidations(records: Records, window: float = WINDOW) -> Value:
    """`branching_ratio` of the accounts that entered liquidation, by whole windows of `window` seconds from the shock on."""
    meta = records.meta
    start, per = meta.shock_step or 0, max(1, round(window / meta.step_seconds))
    n_windows = (len(records) - start) // per
    entered = records.events["step"][records.events["kind"] == EventKind.ENTERED] - start
    counts = np.bincount(entered[(entered >= 0) & (entered < n_windows * per)] // per, minlength=n_windows)
    return branching_ratio(counts)
