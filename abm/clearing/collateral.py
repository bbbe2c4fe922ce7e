"""Tokens of seized accounts: which of them wait until the perpetuals are closed, and what the insurance fund takes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from abm.clearing.allocate import allocate
from abm.clearing.journal import Entry, EventKind, Journal
from abm.clearing.ledger import Ledger
from abm.market.instrument import Instruments

Ints = NDArray[np.int64]


def set_aside(policy: str, position: Ints, instruments: Instruments) -> NDArray[np.bool_]:
    """Tokens that are not sold now, (k, n_instruments): unless they are sold like any `position` (k, n_instruments) lots,
    they wait while a perpetual is open."""
    if policy == "sell" or not instruments.spot:
        return np.zeros(position.shape, dtype=np.bool_)
    busy = np.asarray(position[:, instruments.perpetuals].any(axis=1))
    return np.asarray(busy[:, np.newaxis] & instruments.is_spot)


def take_tokens(
    ledger: Ledger, journal: Journal, account: int, *, fund: Ints, free: Callable[[int], int], price: Ints, haircut: Ints
) -> bool:
    """The fund buys all tokens of an account without perpetuals at collateral value, if it has the money; whether it did.

    `fund` (n_instruments,) accounts; `free` what each of them can pay, `price` (n_instruments,) per lot and `haircut`
    (n_instruments,) of the account's holdings, cash units. The haircut falls short where the account's equity does:
    nobody is made bankrupt by it.
    """
    position = ledger.position[account].copy()
    tokens = np.flatnonzero(position)
    if not len(tokens) or not ledger.instruments.is_spot[tokens].all():
        return False
    worth = int(position @ price)
    discount = min(int(ledger.cash[account, 0]) + worth, int(haircut[tokens].sum()))
    if discount < 0:
        return False
    values = position[tokens] * price[tokens] - allocate(discount, haircut[tokens])
    if any(free(taker) < values[fund[tokens] == taker].sum() for taker in set(fund[tokens].tolist())):
        return False
    for token, value in zip(tokens.tolist(), values.tolist(), strict=True):
        lots, taker = int(position[token]), int(fund[token])
        ledger.takeover(account, taker, token, lots, value)
        journal.write(Entry(EventKind.FUND_TAKEOVER, account, taker, token, lots, value))
    return True
