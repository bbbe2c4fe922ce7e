"""The limit price of forced orders: how far from the mark a seized account may be sold."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from abm.clearing.liquidation.seized import Seized

LimitPrice = Literal["share", "bankruptcy", "none"]
NO_LIMIT = 1.0


def reach(limit_price: LimitPrice, limit: float, seized: Seized, fee: NDArray[np.float64]) -> NDArray[np.float64]:
    """Furthest distance from the mark, share of it, (k, n_instruments); 1 and more is no limit, below 0 better than the mark.

    `fee` (n_instruments,): all that a forced fill pays, share of its value.
    "bankruptcy": the account's equity E is shared over its positions by notional N, so each may lose the share E / N of its
    own, fees included: a long closed at mark x (1 - d) loses d + fee (1 - d) of its notional, a short d + fee (1 + d). Then
    closing everything at these prices leaves exactly nothing; a single position is at its bankruptcy price.
    """
    if limit_price == "bankruptcy":
        bearable = (np.maximum(seized.net, 0) / np.maximum(seized.notional.sum(axis=1), 1))[:, np.newaxis]
        return np.asarray((bearable - fee) / (1.0 - np.sign(seized.position) * fee))
    return np.full(seized.position.shape, limit if limit_price == "share" else NO_LIMIT)
