"""What was liquidated: accounts, notional, and how much of it was healthy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.clearing.journal import EventKind
from abm.measures.path import total
from abm.measures.value import Missing, Value
from abm.records import Records


def accounts(records: Records) -> int:
    """Distinct accounts that entered liquidation."""
    entered = records.events["account"][records.events["kind"] == EventKind.ENTERED]
    return len(np.unique(entered))


def accounts_by_asset(records: Records) -> NDArray[np.int64]:
    """Distinct accounts of which at least one lot was sold or bought by force, (n_assets,)."""
    table = records.liquidations[records.liquidations["filled"] != 0]
    asset = records.meta.instruments.asset[table["instrument"]]
    counts = [len(np.unique(table["account"][asset == a])) for a in range(len(records.meta.assets))]
    return np.array(counts, dtype=np.int64)


def notional(records: Records) -> NDArray[np.float64]:
    """Value of the fills of forced orders, each counted once, (n_assets,), currency; takeovers and ADL apart."""
    return total(records.meta, records.per_instrument["forced_value"].sum(axis=0) * records.meta.cash_unit)


def off_book(records: Records, column: str) -> NDArray[np.float64]:
    """Lots closed by `adl` or moved by `takeover` at the mark of their step, (n_assets,), currency."""
    meta = records.meta
    value = (records.per_instrument[column] * records.per_instrument["mark"] * meta.instruments.unit).sum(axis=0)
    return total(meta, value * meta.cash_unit)


def forced_share(records: Records) -> Value:
    """Forced notional of all perpetuals over their one-sided open interest at the opening, share."""
    opening = int(records.meta.opening_notional.sum())
    if opening == 0:
        return Missing("there was no open interest at the opening")
    return int(records.per_instrument["forced_value"][:, records.meta.instruments.perpetuals].sum()) / opening


def stopped_share(records: Records) -> Value:
    """Fills of stop orders, at the mark of their step, over one-sided open interest at the opening, share."""
    opening = int(records.meta.opening_notional.sum())
    if opening == 0:
        return Missing("there was no open interest at the opening")
    value = (records.per_instrument["stopped"] * records.per_instrument["mark"]).sum(axis=0)
    return int(value @ records.meta.instruments.unit) / opening


def healthy_closed_share(records: Records) -> Value:
    """Share of the forced notional in perpetuals that were above maintenance margin by themselves, share.

    A leg's own health is that of the position alone with its opening share of the collateral plus its own profit
    since. Weighted by the value of the fills; `Missing` where nothing was closed by force.
    """
    is_spot = records.meta.instruments.is_spot[records.liquidations["instrument"]]
    value = np.where(is_spot, 0, records.liquidations["value"])
    if not value.sum():
        return Missing("no position was closed by force")
    return int(value[records.liquidations["healthy"]].sum()) / int(value.sum())
