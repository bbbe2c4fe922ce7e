"""Accounts as they were seized, leg by leg, and which legs were under by themselves while others of the account held them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.clearing.house import House
from abm.clearing.ledger import State
from abm.exchange import Exchange
from abm.kernels.margin import Revaluation
from abm.records import SEIZURE

PAIR = 2  # legs, of which one can hold the other


class Seizures:
    """Writes the legs of every account at its seizure, and keeps which legs of several were below their own margin."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.rows: list[NDArray[np.void]] = []  # SEIZURE
        self._under = np.zeros(exchange.ledger.position.shape, dtype=np.int64)  # cash units when first seen under, else 0
        self._ever = np.zeros(len(exchange.ledger), dtype=np.bool_)  # accounts that were seized

    def note(self, house: House, account: int, worth: Revaluation, *, step: int, number: int) -> None:
        """`account` of `house` has been seized on the step's marks: liquidation `number`."""
        ledger, row = self._exchange.ledger, np.array([account])
        self._ever[account] = True
        own, alone = self._look(house, row)
        legs = np.flatnonzero(ledger.position[account])
        rows = np.zeros(len(legs), SEIZURE)
        rows["step"], rows["liquidation"], rows["account"], rows["trader"] = step, number, account, ledger.owner[account]
        rows["instrument"], rows["lots"], rows["mark"] = legs, ledger.position[account, legs], self._exchange.marks.mark[legs]
        rows["equity"], rows["maintenance"] = worth.collateral[account], worth.maintenance[account]
        rows["own"], rows["alone"] = own[0, legs], alone[0, legs]
        self.rows.append(rows)

    def watch(self) -> None:
        """Look at all legs of healthy accounts that have several."""
        ledger = self._exchange.ledger
        several = (ledger.position != 0).sum(axis=1) >= PAIR
        for house in self._exchange.houses:
            rows = house.accounts[several[house.accounts] & (ledger.state[house.accounts] == State.HEALTHY)]
            if len(rows):
                self._look(house, rows)

    def under(self) -> tuple[int, int]:
        """Notional of legs of several that were under by themselves, when first seen so; that of accounts never seized."""
        return int(self._under.sum()), int(self._under[~self._ever].sum())

    def _look(self, house: House, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """`Selling.standing` of `rows` (k,); legs under their margin are kept, but for those without opening money."""
        price, held = self._exchange.price, self._exchange.ledger.position[rows]
        own, alone = house.selling.standing(rows, price)
        legs = (held != 0) & (house.selling.opening_split[rows] > 0)
        new = legs & (own < alone) & (legs.sum(axis=1) >= PAIR)[:, np.newaxis] & (self._under[rows] == 0)
        self._under[rows] += np.where(new, np.abs(held) * price, 0)
        return own, alone
