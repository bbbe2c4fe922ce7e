"""Mesa agents as thin handles: a row of the traders table, and properties that read the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mesa
import numpy as np
from numpy.typing import NDArray

from abm.clearing.ledger import State

if TYPE_CHECKING:
    from abm.model import CascadeModel


class Owner(mesa.Agent):
    """Somebody who owns accounts. Agents hold their row, beliefs and rules; money is in the ledger alone."""

    def __init__(self, model: CascadeModel, row: int) -> None:
        super().__init__(model)
        self.row = row

    @property
    def accounts(self) -> NDArray[np.int64]:
        """Rows of the agent's accounts."""
        return np.flatnonzero(self.model.ledger.owner == self.row)

    @property
    def positions(self) -> NDArray[np.int64]:
        """Lots per instrument, (n_instruments,)."""
        return np.asarray(self.model.positions(np.array([self.row]))[0])

    @property
    def equity(self) -> int:
        """Cash units over all accounts of the agent, on the step's marks."""
        return int(self.model.equity(np.array([self.row]))[0])

    @property
    def margin_ratio(self) -> float:
        """Equity over maintenance margin of the weakest account; infinite without positions."""
        rows = self.accounts
        worth = self.model.worth
        needs = worth.maintenance[rows] > 0
        ratios = worth.collateral[rows][needs] / worth.maintenance[rows][needs]
        return float(ratios.min()) if needs.any() else float("inf")

    @property
    def state(self) -> State:
        """The most serious state of the agent's accounts."""
        return State(int(self.model.ledger.state[self.accounts].max()))
