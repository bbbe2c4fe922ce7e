"""Losses beyond equity and who bore them, and what the makers earned or lost."""

from __future__ import annotations

from abm.measures.value import Missing, Value
from abm.records import Records

BEARERS = {"insurance_fund": "by_fund", "keeper": "by_keeper", "adl": "by_adl", "socialised": "by_socialised"}


def equity_change(run: Records) -> dict[str, Value]:
    """Equity of each group and of all at the end over that at the opening, less 1."""
    return {
        group: end / opening - 1.0 if opening > 0 else Missing("the group had no equity at the opening")
        for group, (opening, end) in run.meta.equity.items()
    }


def bad_debt(records: Records) -> dict[str, float]:
    """Negative equity met at the close of accounts, `total` and by who bore it, currency.

    total = sum over closed accounts of max(0, -equity). Bad debt as venues report it, before any fund.
    """
    unit = records.meta.cash_unit
    borne = {name: int(records.scalars[column].sum()) * unit for name, column in BEARERS.items()}
    return {"total": int(records.scalars["deficit"].sum()) * unit, **borne}


def unallocated_loss(records: Records) -> int:
    """Bad debt that nobody bore, whole cash units; 0 in a sound run."""
    borne = sum(int(records.scalars[column].sum()) for column in BEARERS.values())
    return int(records.scalars["deficit"].sum()) - borne


def uncollected(records: Records) -> float:
    """Negative equity of accounts still open at the end, currency; no bad debt, since nobody was asked to pay it."""
    return records.meta.uncollected * records.meta.cash_unit


def maker_profit(records: Records) -> float:
    """Joint equity of the makers at the end minus at the opening, currency."""
    equity = records.scalars["maker_equity"]
    end = int(equity[-1]) if len(equity) else records.meta.opening_maker_equity
    return (end - records.meta.opening_maker_equity) * records.meta.cash_unit


def makers_withdrawn(records: Records) -> int:
    """Most makers not quoting at the same time."""
    return int(records.scalars["withdrawn_makers"].max(initial=0))
