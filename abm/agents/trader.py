"""A trader: what it does is a behaviour over arrays; a user's own trader subclasses `Trader` and writes `act`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from abm.agents.base import Owner
from abm.behaviour.view import Draws, Rows, View
from abm.market.order import OrderBatch, no_orders

if TYPE_CHECKING:
    from abm.model import CascadeModel


class Behaviour(Protocol):
    """A decision rule: orders of any subset of a group's traders, one row at a time or all at once."""

    def decide(self, view: View, rows: Rows, draws: Draws) -> OrderBatch:
        """The orders of `rows` (k,) in this step."""


class Trader(Owner):
    """One row of the traders table. Built-in kinds decide with their group; a subclass may decide alone in `act`."""

    def __init__(self, model: CascadeModel, row: int, group: Group) -> None:
        super().__init__(model, row)
        self.group = group

    @property
    def strategy(self) -> Behaviour:
        """The behaviour record of the trader's group."""
        return self.group.behaviour

    def act(self, view: View) -> OrderBatch:
        """Orders of a trader written in plain Python; nothing by default."""
        return no_orders()


class Group:
    """All traders of one behaviour: consecutive rows that decide in one call."""

    def __init__(self, name: str, behaviour: Behaviour, rows: Rows) -> None:
        self.name, self.behaviour, self.rows = name, behaviour, rows
        self.first, self.count = int(rows[0]), len(rows)

    def release(self, row: int) -> None:
        """`row` no longer decides with the group."""
        self.rows = self.rows[self.rows != row]

    def decide(self, view: View, draws: Draws) -> OrderBatch:
        """The group's orders of this step."""
        return self.behaviour.decide(view, self.rows, draws)
