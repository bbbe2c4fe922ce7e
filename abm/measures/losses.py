"""Losses beyond equity and who bore them, and what the makers earned or lost."""

from __future__ import annotations

import numpy as np

from abm.clearing.journal import EventKind
from abm.measures.value import Missing, Value
from abm.records import Records

EVENTS = {  # bearers told by the amounts of events
    "member": (EventKind.MEMBER_TAKEOVER, EventKind.MEMBER_PAID),
    "skin_in_the_game": (EventKind.SKIN_PAID,),
    "members_fund": (EventKind.CONTRIBUTED,),
    "assessments": (EventKind.ASSESSED,),
    "gains_haircut": (EventKind.GAINS_HAIRCUT,),
}
AFTERMATH = ("hedges_broken", "adl_under", "payers_under")
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
    return {"total": int(records.scalars["deficit"].sum()) * unit, **{name: x * unit for name, x in _borne(records).items()}}


def unallocated_loss(records: Records) -> int:
    """Bad debt that nobody bore, whole cash units; 0 in a sound run."""
    return int(records.scalars["deficit"].sum()) - sum(_borne(records).values())


def aftermath(records: Records) -> dict[str, int]:
    """How many accounts defaults left weaker than they may be, over the run; see `abm.clearing.aftermath`."""
    return {name: records.meta.aftermath.get(name, 0) for name in AFTERMATH}


def _borne(records: Records) -> dict[str, int]:
    """Loss by who bore it, cash units."""
    told = {name: int(records.scalars[column].sum()) for name, column in BEARERS.items()}
    kind, amount = records.events["kind"], records.events["amount"]
    return told | {name: int(amount[np.isin(kind, kinds)].sum()) for name, kinds in EVENTS.items()}


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
