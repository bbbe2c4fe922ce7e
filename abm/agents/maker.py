"""Market makers: agents with finite capital in the same ledger; one desk quotes for all of them in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from abm.agents.base import Owner
from abm.behaviour.quoting import MakerState, Purse, Quoting
from abm.behaviour.view import Rows, View
from abm.kernels.settle import own_fills
from abm.market.order import Fills, OrderBatch, no_orders

if TYPE_CHECKING:
    from abm.model import CascadeModel


class Maker(Owner):
    """One market maker; what it shows and remembers is a row of the desk."""

    @property
    def withdrawn(self) -> bool:
        """Whether it quotes nothing at the moment."""
        desk = self.model.desk
        return bool((desk.state.until[self.row - desk.first] > self.model.seconds).all())


class Desk:
    """The makers' rule, their memories and their fills since the last quote."""

    def __init__(self, model: CascadeModel, rule: Quoting, rows: Rows, depth: NDArray[np.int64]) -> None:
        """`rows` (k,) consecutive; `depth` (k, n_instruments) lots one maker shows within 1 % at full capital."""
        exchange = model.exchange
        self.model, self.rule, self.rows = model, rule, rows
        self.first = int(rows[0]) if len(rows) else 0
        self.state = MakerState.at_opening(depth, exchange.instruments.opening_tick)
        self._account = exchange.accounts.backing[rows]  # (k, n_instruments)
        self._shared = self._account[:, :, None] == self._account[:, None, :]  # legs that one pool of money backs
        self._opening = self._equity()
        accounts = np.flatnonzero(np.isin(exchange.ledger.owner, rows))  # consecutive, as their owners are
        self._first_account = int(accounts[0]) if len(accounts) else 0
        self._owner = exchange.ledger.owner[accounts] - self.first
        self._bought, self._sold = np.zeros_like(self._account), np.zeros_like(self._account)

    def note(self, fills: Fills) -> None:
        """Remember the makers' own fills."""
        own_fills(fills, self._first_account, self._owner, self._bought, self._sold)

    def act(self, view: View) -> OrderBatch:
        """Everybody's new ladder in place of the old."""
        if not len(self.rows):
            return no_orders()
        purse = Purse(equity=self._equity(), opening=self._opening, bought=self._bought, sold=self._sold, shared=self._shared)
        batch, self.state = self.rule.quote(view, self.rows, self.state, purse)
        self._bought, self._sold = np.zeros_like(self._bought), np.zeros_like(self._sold)
        return batch

    def withdrawn(self, seconds: float) -> int:
        """Makers who quote nothing at all."""
        return int((self.state.until > seconds).all(axis=1).sum())

    def _equity(self) -> NDArray[np.int64]:
        """Cash units in the account behind each maker and instrument, (k, n_instruments)."""
        ledger, account = self.model.ledger, self._account
        equity = ledger.cash[:, 0][account]
        for j, price in enumerate(self.model.exchange.price):
            equity = equity + ledger.position[:, j][account] * price
        return equity
