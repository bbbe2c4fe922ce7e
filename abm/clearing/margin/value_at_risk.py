"""Value at risk: margin in proportion to the standard deviation of an account's value."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from abm.clearing.margin.terms import Terms
from abm.clearing.margin.tiered import Requirement, Tiered
from abm.kernels.margin import Brackets
from abm.kernels.portfolio import deviation
from abm.record import Record, param

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_DAY = 86_400.0
_EMIR = "EMIR RTS 153/2013"


class Risk(NamedTuple):
    """What the rule knows of returns; matrices are (n_instruments, n_instruments) covariances per day."""

    recent: Floats  # exponentially weighted
    stressed: Floats  # of the opening, scaled up
    last: Floats | None  # (n_instruments,), the index seen last, any unit
    decay: float  # weight of the past in one step
    steps_per_day: float


class ValueAtRisk(Record):
    """Maintenance = (1 - w) z sqrt(h) sd_recent + w z sqrt(h) sd_stressed, with sd = sqrt(v' C v) of the values v held.

    C is an exponentially weighted covariance of the returns of the index, advanced once a step; long and short positions
    net by their correlation. Normal quantile: not suitable where the tail, rather than the variance, is the risk.
    """

    kind: Literal["value_at_risk"] = param("value_at_risk", unit="name", source="-", help="Covariance by EWMA.")
    confidence: float = param(
        0.99, unit="probability", source=f"{_EMIR} Art. 24: 99 %, OTC 99.5 %", help="Of the loss.", gt=0.5, lt=1
    )
    horizon: float = param(
        2 * _DAY,
        unit="s",
        source=f"{_EMIR} Art. 26: liquidation period of two days, OTC five",
        help="Time to close out.",
        gt=0,
        le=100 * _DAY,
    )
    half_life: float = param(
        23 * _DAY,
        unit="s",
        source="RiskMetrics 1996: decay 0.97 a day for monthly horizons; crypto venues are quicker",
        help="After which a return counts half.",
        gt=0,
    )
    stressed_weight: float = param(
        0.25,
        unit="share",
        source=f"{_EMIR} Art. 28(1)(b): at least 25 % stressed observations",
        help="Of stressed risk.",
        ge=0,
        le=1,
    )
    stressed_multiple: float = param(
        2.5,
        unit="multiple",
        source="choice of regime, swept",
        help="Stressed volatility per volatility of the opening.",
        gt=0,
        le=20,
    )
    initial_factor: float = param(
        1.25, unit="initial / maintenance", source=f"{_EMIR} Art. 28(1)(a): a buffer of 25 %", help="Initial margin.", ge=1, le=5
    )

    @property
    def quantile(self) -> float:
        """Standard deviations that the margin covers over a day of the horizon: z sqrt(days)."""
        return float(NormalDist().inv_cdf(self.confidence) * np.sqrt(self.horizon / _DAY))

    def open(self, terms: Terms) -> Risk:
        """The state at the opening: the volatilities and correlations that the scenario states."""
        covariance = terms.correlation * np.outer(terms.volatility, terms.volatility)
        if float(np.linalg.eigvalsh(covariance).min()) < -1e-9 * float(covariance.max()):
            raise ValueError("margin.correlation must be positive semi-definite")
        decay = 0.5 ** (terms.step_seconds / self.half_life)
        return Risk(covariance, self.stressed_multiple**2 * covariance, None, decay, _DAY / terms.step_seconds)

    def advance(self, state: Risk, index: Floats) -> Risk:
        """The state after a step that ended at `index` (n_instruments,): C = decay C + (1 - decay) r r'."""
        index = np.asarray(index, dtype=np.float64)
        if state.last is None:
            return state._replace(last=index)
        moved = index / state.last - 1.0
        seen = np.outer(moved, moved) * state.steps_per_day
        return state._replace(recent=state.decay * state.recent + (1.0 - state.decay) * seen, last=index)

    def requirement(self, position: Ints, price: Ints, state: Risk) -> Requirement:
        """Initial and maintenance margin of every row of `position` (n_accounts, n_instruments) lots, cash units.

        `price` (n_instruments,) is cash units per lot.
        """
        w, z = self.stressed_weight, self.quantile
        found = (1.0 - w) * z * deviation(position, price, state.recent) if w < 1 else np.zeros(len(position))
        if w > 0:
            found = found + w * z * deviation(position, price, state.stressed)
        return Requirement(np.rint(self.initial_factor * found).astype(np.int64), np.rint(found).astype(np.int64))

    def tables(self, assets: Any, **terms: Any) -> Brackets:
        """Brackets by maximum leverage, as `Tiered.tables`: what a single leg is admitted and split by."""
        return Tiered().tables(assets, **terms)
