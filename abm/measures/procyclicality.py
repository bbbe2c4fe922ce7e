"""Procyclical margin: how much more of each unit of notional is asked for when prices move.

Of all margined accounts, as they are: it rises when large positions pass into higher brackets and falls when the most
leveraged are closed. Not the margin of one fixed portfolio.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.measures.value import Missing
from abm.records import Records

DAYS = 1.0  # window of `n_day`; runs shorter than this are looked at whole
SECONDS = 86_400.0  # of a day


def rate(run: Records) -> NDArray[np.float64]:
    """Maintenance margin per unit of gross notional, steps with positions only, (n,), share."""
    gross = run.scalars["gross"]
    return np.asarray(run.scalars["maintenance"][gross > 0] / gross[gross > 0])


def margin(run: Records) -> dict[str, Any]:
    """`peak_to_trough` = max / min over the run; `n_day` = largest rise within a day, share of where it began.

    After Murphy, Vasios & Vause (2014, Bank of England Financial Stability Paper 29), who hold the portfolio fixed.
    """
    asked = rate(run)
    if not len(asked) or asked.min() <= 0:
        missing = Missing("no position asked for margin in some step")
        return {"peak_to_trough": missing, "n_day": missing}
    steps = max(1, round(DAYS * SECONDS / run.meta.step_seconds))
    lowest = np.array([asked[max(0, s - steps) : s + 1].min() for s in range(len(asked))])
    return {"peak_to_trough": float(asked.max() / asked.min()), "n_day": float((asked / lowest).max() - 1.0)}
