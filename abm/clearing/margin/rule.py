"""The margin rules a house may have, and how one is started."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from abm.clearing.margin.choice import usually
from abm.clearing.margin.dynamic import Dynamic
from abm.clearing.margin.half_initial import HalfInitial
from abm.clearing.margin.own import OWN_MARGIN
from abm.clearing.margin.portfolio import Portfolio
from abm.clearing.margin.terms import Terms
from abm.clearing.margin.tiered import Tiered
from abm.clearing.margin.value_at_risk import ValueAtRisk

MarginRule = Annotated[
    Tiered | HalfInitial | Portfolio | ValueAtRisk | Dynamic, Field(discriminator="kind"), usually("tiered"), OWN_MARGIN
]


def opened(rule: MarginRule, terms: Terms) -> Any:
    """The state of `rule` at the opening; None where its brackets say everything, so that it needs none."""
    return None if type(rule) in (Tiered, HalfInitial) else rule.open(terms)
