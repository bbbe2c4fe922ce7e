"""One or more seized accounts for tests of policies: two instruments at 100 and 50, maintenance margin 5 %."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from abm.clearing.liquidation import Seized

PRICE = np.array([100, 50])


def each_alone(lots: Any) -> Any:
    """5 % of every position, as brackets ask; (m,) cash units."""
    return (np.abs(lots) * PRICE // 20).sum(axis=1)


def netted(lots: Any) -> Any:
    """5 % of the net value and 1 % of the gross, as a portfolio rule with full offset asks; (m,) cash units."""
    return np.abs(lots @ PRICE) // 20 + (np.abs(lots) @ PRICE) // 100


def seized(position: Sequence[int], equity: int, *, profit: Sequence[int] = (0, 0), fee: float = 0.0, **more: Any) -> Seized:
    """One account with `position` lots at 100 and 50 and `equity`."""
    lots = np.array([position], dtype=np.int64)
    given = {
        "leg_margin": np.abs(lots) * PRICE // 20,
        "leg_profit": np.array([profit]),
        "net": np.array([equity]),
        "since_first": np.array([-1.0]),
        "depth": np.full((2, 2), 1_000),
        "cash_unit": 1.0,
        "requirement": each_alone,
    }
    return Seized(position=lots, price=PRICE, equity=np.array([equity]), fee_rate=fee, **(given | more))


def sold(policy: Any, account: Seized) -> list[int]:
    """What the policy closes of the first account."""
    lots: list[int] = policy.slices(account)[0].tolist()
    return lots
