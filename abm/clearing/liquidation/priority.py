"""Which position of a seized account is worked first."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from abm.clearing.liquidation import impact
from abm.clearing.liquidation.seized import Seized

Priority = Literal["all_at_once", "largest_loss", "largest_margin", "most_liquid", "pro_rata", "least_impact"]
TOGETHER = ("all_at_once", "pro_rata")  # all positions in the same proportion


def urgency(priority: Priority, seized: Seized) -> NDArray[np.float64]:
    """Score of each position (k, n_instruments), highest is worked first."""
    if priority == "largest_loss":
        return -seized.leg_profit.astype(np.float64)
    if priority == "largest_margin":
        return seized.leg_margin.astype(np.float64)
    return seized.facing / np.maximum(np.abs(seized.position), 1)  # most liquid: depth per lot to close


def first(priority: Priority, seized: Seized) -> NDArray[np.bool_]:
    """The positions (k, n_instruments) that a policy works now which closes one after the other.

    A position that finds nobody near the mark waits behind those that do.
    """
    held: NDArray[np.bool_] = seized.position != 0
    if priority in TOGETHER or not len(held):
        return held
    if priority == "least_impact":
        return impact.cheapest(seized)
    score = np.where(held, urgency(priority, seized), -np.inf)
    met = held & (seized.facing > 0)
    score = np.where(met.any(axis=1, keepdims=True) & ~met, -np.inf, score)
    worked = np.arange(held.shape[1]) == np.argmax(score, axis=1)[:, np.newaxis]
    return np.asarray(held & worked)
