"""Groups of traders whose decisions the user has written."""

from __future__ import annotations

from typing import Annotated, cast

from abm.behaviour.view import Draws, Rows, View
from abm.market.order import OrderBatch
from abm.own import Own
from abm.record import Record, param

DECIDE = {"decide": ("view", "rows", "draws")}


class Others(Record):
    """A group that opens without positions and decides by a class of the user's own.

    The class is a Record with `decide(view, rows, draws) -> OrderBatch`, as the built-in behaviours have it: it reads the
    view, changes nothing, and takes random numbers from `draws` only.
    """

    name: str = param(unit="name", source="scenario", help="Name of the group.", min_length=1, max_length=32)
    count: int = param(1, unit="traders", source="scenario", help="Number of traders.", ge=0)
    capital_share: float = param(
        0.01, unit="share of open interest", source="choice", help="Joint cash over one-sided open interest.", ge=0
    )
    behaviour: Annotated[Record, Own(DECIDE, only=True)] = param(
        unit="rule", source="scenario", help="Class with the group's decisions, and its parameters."
    )

    def decide(self, view: View, rows: Rows, draws: Draws) -> OrderBatch:
        """What the user's class decides for `rows` (k,)."""
        return cast(OrderBatch, self.behaviour.decide(view, rows, draws))  # type: ignore[attr-defined]
