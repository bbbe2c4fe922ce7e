"""What a margin rule is told about the instruments it margins."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Terms(NamedTuple):
    """The instruments of a venue and its clock; arrays are (n_instruments,) unless stated."""

    assets: tuple[str, ...]  # underlying of each instrument
    max_leverage: Floats  # notional / initial margin
    volatility: Floats  # of returns, share per square root of a day
    correlation: Floats  # (n_instruments, n_instruments)
    step_seconds: float
    cash_units: float  # per unit of currency
