"""Dynamic margin: any rule, scaled by how volatile the market is now."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from abm.clearing.margin.choice import usually
from abm.clearing.margin.half_initial import HalfInitial
from abm.clearing.margin.own import OWN_MARGIN
from abm.clearing.margin.portfolio import Portfolio
from abm.clearing.margin.terms import Terms
from abm.clearing.margin.tiered import Requirement, Tiered
from abm.clearing.margin.tools import Charged, NoTool, Tool
from abm.clearing.margin.value_at_risk import ValueAtRisk
from abm.kernels.margin import Brackets
from abm.record import Record, param

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_DAY = 86_400.0

Base = Annotated[Tiered | HalfInitial | Portfolio | ValueAtRisk, Field(discriminator="kind"), usually("tiered"), OWN_MARGIN]


class Climate(NamedTuple):
    """What the rule knows of the market."""

    base: Any  # state of the rule inside
    variance: float  # recent, per variance of the opening, mean over instruments
    multiple: float  # charged now
    past: tuple[float, ...]  # calculated multiples, oldest first, as far back as the tool looks
    last: Floats | None  # (n_instruments,), the index seen last, any unit
    daily: Floats  # (n_instruments,), volatility of the opening, per square root of a day
    step_seconds: float


class Dynamic(Record):
    """Requirement = multiple x that of the rule inside; the multiple follows the volatility ratio of the market.

    ratio^2 is the EWMA of the mean over instruments of squared returns per opening variance, where that is not zero; the
    calculated multiple is 1 + scaling x (ratio - 1) between floor and cap, then come the tool and the speed limits. One
    multiple for the house: not suitable where the volatilities of its assets part.
    """

    kind: Literal["dynamic"] = param("dynamic", unit="name", source="-", help="A rule scaled by volatility.")
    base: Base = param(Tiered(), unit="rule", source="per field", help="The rule that is scaled.")
    scaling: float = param(
        1.0,
        unit="share",
        source="choice: 1 is proportional to volatility",
        help="Of a change of volatility that is followed.",
        ge=0,
        le=2,
    )
    half_life: float = param(
        3_600.0, unit="s", source="choice of regime, swept; procyclicality grows as it falls", help="Memory of volatility.", gt=0
    )
    floor: float = param(1.0, unit="multiple", source="choice: never below the static rule", help="Least multiple.", gt=0, le=20)
    cap: float = param(5.0, unit="multiple", source="choice of regime, swept", help="Largest calculated multiple.", gt=0, le=100)
    rise_per_day: float = param(
        100.0, unit="share per day", source="choice of regime, swept; large means none", help="Speed limit upwards.", gt=0
    )
    fall_per_day: float = param(
        1.0, unit="share per day", source="choice: margins come down slowly", help="Speed limit downwards.", gt=0
    )
    tool: Tool = param(NoTool(), unit="rule", source="EMIR RTS 153/2013 Art. 28", help="Tool against procyclicality.")

    @model_validator(mode="after")
    def _floor_below_cap(self) -> Dynamic:
        if self.floor > self.cap:
            raise ValueError(f"margin.floor must be at most cap={self.cap:g}, was {self.floor:g}")
        return self

    def open(self, terms: Terms) -> Climate:
        """The state at the opening: the volatility that the scenario states, the tool fully built up."""
        calm = self._calculated(1.0)
        full = self.tool.charge(Charged(calm, calm, np.inf, 0.0))
        base = self.base.open(terms)
        return Climate(base, 1.0, full, (calm,), None, terms.volatility, terms.step_seconds)

    def advance(self, state: Climate, index: Floats) -> Climate:
        """The state after a step that ended at `index` (n_instruments,)."""
        index = np.asarray(index, dtype=np.float64)
        base = self.base.advance(state.base, index)
        if state.last is None:
            return state._replace(base=base, last=index)
        step, variance, known = state.step_seconds, state.variance, state.daily > 0
        if known.any():
            returns = (index / state.last - 1.0)[known] / (state.daily[known] * np.sqrt(step / _DAY))
            decay = 0.5 ** (step / self.half_life)
            variance = decay * variance + (1.0 - decay) * float(np.mean(returns * returns))
        calculated = self._calculated(variance)
        charged = self.tool.charge(Charged(calculated, state.past[0], state.multiple, step))
        past = (*state.past, calculated)[-max(1, round(self.tool.lookback / step)) :]
        return Climate(base, variance, self._limited(charged, state.multiple, step), past, index, state.daily, step)

    def requirement(self, position: Ints, price: Ints, state: Climate) -> Requirement:
        """Initial and maintenance margin of every row of `position` (n_accounts, n_instruments) lots, cash units."""
        initial, maintenance = self.base.requirement(position, price, state.base)
        scaled = [np.rint(state.multiple * margin).astype(np.int64) for margin in (initial, maintenance)]
        return Requirement(*scaled)

    def tables(self, assets: Any, **terms: Any) -> Brackets:
        """The brackets of the rule inside, unscaled: what a single leg is admitted and split by."""
        return self.base.tables(assets, **terms)

    def _calculated(self, variance: float) -> float:
        return float(min(self.cap, max(self.floor, 1.0 + self.scaling * (np.sqrt(variance) - 1.0))))

    def _limited(self, wanted: float, last: float, step: float) -> float:
        days = step / _DAY
        return float(min(last * (1.0 + self.rise_per_day * days), max(last / (1.0 + self.fall_per_day * days), wanted)))
