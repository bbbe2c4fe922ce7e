"""What pooling collateral saves: the benefit that contagion is the price of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.measures import ex_ante
from abm.measures.reproduction import UNTRACED
from abm.measures.value import Missing, Value
from abm.records import Exposure, Records

MEASURED = ("margin_saved", "collateral_saved", "notional_per_collateral")


def margin_saved(exposure: Exposure) -> Value:
    """1 - margin required of accounts / margin that their legs would need alone, share; 0 where a rule adds up legs."""
    alone = int(exposure.alone.sum())
    return 1.0 - int(exposure.maintenance.sum()) / alone if alone else Missing("no position asked for margin")


def collateral_saved(exposure: Exposure, marks: NDArray[np.int64], unit: NDArray[np.int64]) -> Value:
    """1 - collateral that accounts needed to come through the path / the same if each leg stood alone, share, in [0, 1]
    where the rule does not ask more of legs together.

    Need = max over time, from `exposure` on, of max(0, maintenance - profit since), for an account with gains and losses of
    all legs together, alone for each leg; positions stay, margin moves with notional, `marks` (n, n_instruments) ticks.
    """
    position, gross = exposure.position, np.abs(exposure.position)
    pooled = np.zeros(len(position))
    alone = np.zeros(position.shape)
    own_rate = exposure.alone / np.maximum(gross * exposure.price, 1)
    for price in marks * unit:
        need = -position * (price - exposure.price)
        np.maximum(alone, need + own_rate * (gross * price), out=alone)
        np.maximum(pooled, need.sum(axis=1) + exposure.rate * (gross @ price), out=pooled)
    total = float(alone.sum())
    return 1.0 - float(pooled.sum()) / total if total else Missing("no position asked for collateral")


def capital_efficiency(run: Records) -> dict[str, Any]:
    """Measures of accounts with positions as they stood before the shock, see `abm.measures.table`."""
    exposure = run.exposure
    if exposure is None:
        return dict.fromkeys(MEASURED, ex_ante.TOO_SHORT if run.meta.traced else UNTRACED)
    gross = int((np.abs(exposure.position) @ exposure.price).sum())
    collateral = int((exposure.buffer + exposure.maintenance).sum())
    return {
        "margin_saved": margin_saved(exposure),
        "collateral_saved": collateral_saved(exposure, run.per_instrument["mark"][exposure.step :], run.meta.instruments.unit),
        "notional_per_collateral": gross / collateral if collateral > 0 else Missing("there was no collateral"),
    }
