"""How far prices fell, and how much of it was the cascade."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.measures.path import gap, largest, relative
from abm.measures.value import MATERIAL, Missing, Value, ratio
from abm.records import Records


def level(records: Records, start: int) -> NDArray[np.float64]:
    """Mark in the last step before `start` over the opening price, mean over instruments, (n_assets,); 1 at step 0."""
    path = relative(records)
    before: NDArray[np.float64] = path[start - 1] if start > 0 else np.ones(path.shape[1])
    return before


def low(records: Records, start: int) -> NDArray[np.float64]:
    """Lowest mark from `start` on over the opening price, mean over instruments, (n_assets,)."""
    lowest: NDArray[np.float64] = relative(records)[start:].min(axis=0, initial=np.inf)
    return np.minimum(level(records, start), lowest)


def fall(records: Records, start: int) -> NDArray[np.float64]:
    """Level before the shock minus the low from then on, (n_assets,), share of the opening price, >= 0.

    fall_i = (m_i(start - 1) - min_{t >= start} m_i(t)) / m_i(opening), with m the mark.
    """
    return level(records, start) - low(records, start)


def forced_fall(run: Records, no_shock: Records) -> NDArray[np.float64]:
    """What the shock itself took off the outside value, (n_assets,), share of the opening price, >= 0.

    max_t (v_i without shock - v_i) / m_i(opening): both runs draw the same numbers, so the noise cancels.
    """
    return largest(gap(no_shock, run, "value"))


def excess_fall(run: Records, twin: Records) -> NDArray[np.float64]:
    """How much lower the run stood than its twin at most, (n_assets,), share of the opening price, >= 0.

    max_t (m_i in twin - m_i in run) / m_i(opening); exactly 0.0 where the marks are equal to the bit. A maximum over
    time of two noisy paths that have parted is biased upwards by their noise: compare it over seeds. Not suitable
    where the shock is upward.
    """
    return largest(gap(twin, run))


def amplification(run: Records, no_liquidation: Records, start: int, floor: float = MATERIAL) -> tuple[Value, ...]:
    """Fall of the shocked assets' mark over the same fall without liquidations, (n_assets,), times.

    A_i = fall_i / fall_i(no_liquidation); exactly 1 where liquidations do not move the mark. `Missing` for assets that
    were not shocked (see `excess_fall`) and where the fall without liquidations is below `floor`. In a linear
    market 1 / (1 - R), R the reproduction number.
    """
    shocked = run.meta.shocked
    if not shocked:
        return (Missing("nothing is shocked in this run"),) * len(run.meta.assets)
    falls = zip(fall(run, start), fall(no_liquidation, start), strict=True)
    return tuple(
        ratio(float(with_), float(without), floor=floor, what="the fall without liquidations")
        if asset in shocked
        else Missing("not a shocked asset: see excess_fall")
        for asset, (with_, without) in enumerate(falls)
    )
