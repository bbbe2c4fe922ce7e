"""Positions set apart at equal risk: pooled accounts as isolated ones, each leg as far from liquidation as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from abm.behaviour.view import Legs, Traders
from abm.clearing.ledger import Mode
from abm.exchange import Exchange
from abm.opening.groups import MAKERS

Ints = NDArray[np.int64]


def set_apart(pooled: Exchange, stake: Ints) -> Ints:
    """`stake` (n_owners, n_instruments) with that of pooled positions replaced by what gives each the risk it had.

    In an account with equity E and maintenance margin M every leg has the whole buffer E - M behind it as long as the other
    prices stand still. By itself it has the same with its own margin plus E - M: n legs that add up take E + (n - 1)(E - M),
    more where the margin rule netted them. Exact where margin is by leg; where legs are netted, and for gains that count in
    part, equal at the opening only. Those who hold nothing, who are isolated anyway, and makers keep what they have.
    """
    traders, backing, ledger = pooled.traders, pooled.accounts.backing, pooled.ledger
    rows = np.arange(len(traders.group))
    accounts = backing[rows]
    worth = pooled.revalue()
    buffer = (worth.collateral - worth.maintenance)[accounts]
    needed = Legs(pooled.alone(np.arange(len(ledger))), backing)(rows) + buffer
    shares = (traders.opening != 0) & np.isin(ledger.mode[accounts], (Mode.CROSS, Mode.UNIVERSAL))
    shares[traders.rows(MAKERS)] = False
    apart = stake.copy()
    apart[rows] = np.where(shares, np.maximum(needed, 0), stake[rows])
    return apart


def on_stakes(traders: Traders, stake: Ints) -> Traders:
    """`traders` with the leverage they have on `stake`; what they brought, reserves and stops go by, stays what it was."""
    money = stake[: len(traders.group)].sum(axis=1)
    return replace(traders, leverage=traders.leverage * (traders.collateral / np.maximum(money, 1)))
