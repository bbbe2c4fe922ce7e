"""The keeper: a liquidator with finite capital who takes seized accounts over as principal and unwinds them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.clearing.allocate import allocate
from abm.clearing.journal import Entry, EventKind, Journal
from abm.clearing.ledger import Ledger
from abm.record import Record, param


class Keeper(Record):
    """One keeper per house, with a margined account of its own; capital 0 means there is none."""

    capital_share: float = param(
        0.002,
        unit="share of one-sided open interest",
        source="choice of regime, swept; liquidator vaults are small against open interest",
        help="Own cash of the keeper at the opening.",
        ge=0,
        le=1,
    )
    trigger: float = param(
        2 / 3,
        unit="equity / maintenance margin",
        source="Hyperliquid wiki, Liquidations: backstop below 2/3 of maintenance margin",
        help="The keeper is asked when the book has failed and the margin ratio is below this.",
        ge=0,
        le=1,
    )
    discount: float = param(
        0.01,
        unit="share of notional",
        source="choice: liquidators ask 1 to 5 %",
        help="Discount to the mark at which it takes positions over; it asks for less when the account has less.",
        ge=0,
        le=0.5,
    )
    leverage_max: float = param(
        5.0,
        unit="notional / equity",
        source="choice of regime: a principal that used all its margin would default on the next move",
        help="It takes nothing over that would lift its leverage above this.",
        gt=0,
        le=100,
    )
    unwind_half_life: float = param(
        300.0,
        unit="s",
        source="choice of regime, swept",
        help="Half-life at which it works its inventory off on the book.",
        gt=0,
    )

    def take_over(
        self, ledger: Ledger, journal: Journal, keeper: int, account: int, *, price: NDArray[np.int64], rate: NDArray[np.float64]
    ) -> bool:
        """Take the whole account over at a discount if the keeper can margin it; what is left of its equity stays with
        the owner. `price` (n_instruments,) cash units per lot at the mark, `rate` (n_instruments,) initial margin rate."""
        position = ledger.position[account].copy()
        equity = int(ledger.cash[account, 0]) + int(position @ price)
        notional = np.abs(position) * price
        discount = min(equity, int(self.discount * float(notional.sum())))
        after = ledger.position[keeper] + position
        own = int(ledger.cash[keeper, 0]) + int(ledger.position[keeper] @ price)
        gross = np.abs(after) * price
        if own <= 0 or own + discount < float(gross @ rate) or gross.sum() > self.leverage_max * (own + discount):
            return False
        legs = np.flatnonzero(position)
        for leg, asked in zip(legs, allocate(discount, notional[legs]), strict=True):
            lots, value = int(position[leg]), int(position[leg] * price[leg] - asked)
            ledger.takeover(account, keeper, int(leg), lots, value)
            journal.write(Entry(EventKind.KEEPER_TAKEOVER, account, keeper, int(leg), lots, value))
        return True
