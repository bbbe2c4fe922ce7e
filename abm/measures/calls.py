"""Margin calls: how many, for how much, and what came of them."""

from __future__ import annotations

import numpy as np

from abm.clearing.journal import EventKind
from abm.measures.value import Missing, Value
from abm.records import Records


def accounts(records: Records) -> int:
    """Distinct accounts that were called."""
    return len(np.unique(records.events["account"][records.events["kind"] == EventKind.CALLED]))


def amount(records: Records) -> float:
    """What the calls asked for when they were made, currency; an account called twice counts twice."""
    return int(records.scalars["calls_value"].sum()) * records.meta.cash_unit


def met_share(records: Records) -> Value:
    """Calls that were met over calls made, share; met by money, by smaller positions or by a better price."""
    kind = records.events["kind"]
    made = int(np.count_nonzero(kind == EventKind.CALLED))
    if made == 0:
        return Missing("nobody had a margin call")
    return int(np.count_nonzero(kind == EventKind.CALL_MET)) / made


def topped_up(records: Records) -> float:
    """Money that arrived in accounts after calls, from reserves and from other accounts, currency."""
    return int(records.scalars["topped_up"].sum()) * records.meta.cash_unit
