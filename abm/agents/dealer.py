"""Options dealers: their options stand beside the market, their hedges in the same ledger and books as everybody's."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from abm.agents.base import Owner
from abm.behaviour.dealing import Dealing, Options
from abm.behaviour.view import Rows, View
from abm.market.order import OrderBatch, no_orders
from abm.scenario.book_files import open_lots

if TYPE_CHECKING:
    from abm.model import CascadeModel


class Dealer(Owner):
    """One dealer; its hedge is a position like any other, and may be called, liquidated or closed."""

    @property
    def target(self) -> NDArray[np.int64]:
        """Lots that would hedge its options now, (n_instruments,)."""
        return np.asarray(self.model.dealers.target())


class Dealers:
    """All dealers: equal books of options, each hedged from an account of its own."""

    def __init__(self, model: CascadeModel, rule: Dealing, rows: Rows) -> None:
        self.model, self.rule, self.rows = model, rule, rows
        volatility = np.array([asset.volatility_daily for asset in model.scenario.assets])
        self._volatility = volatility[model.instruments.asset]

    @cached_property
    def options(self) -> Options:
        """One dealer's options; on tokens there are none."""
        scenario, instruments = self.model.scenario, self.model.instruments
        interest = np.where(instruments.is_spot, 0, open_lots(scenario, instruments)).astype(np.float64)
        return self.rule.options(instruments.opening_tick, interest, self._volatility)

    def target(self) -> NDArray[np.int64]:
        """Lots that would hedge one dealer's options at the marks of this step, (n_instruments,)."""
        return self.rule.target(self.options, self.model.marks.mark, self.model.seconds, self._volatility)

    def act(self, view: View) -> OrderBatch:
        """The dealers' hedging orders of this step."""
        if not len(self.rows):
            return no_orders()
        return self.rule.decide(view, self.rows, self.options, self._volatility)
