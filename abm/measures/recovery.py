"""Whether the liquidated would have come through: solvent again a while later, or held by other positions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.measures.reproduction import UNTRACED
from abm.measures.value import Missing, Value
from abm.records import Records

HORIZON = 600.0  # s after the seizure; choice: twice the five minutes in which most forced selling of a run is over


def recovered(run: Records, marks: NDArray[np.int64], horizon: float = HORIZON) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """For each seizure followed for `horizon` seconds: whether the account, left alone with its legs, would then have been
    above maintenance on `marks` (n_steps, n_instruments), ticks; and its gross notional at the seizure, cash units.

    Equity there = equity at the seizure + sum over legs of lots x unit x (mark there - mark at the seizure); maintenance
    moves with gross notional at the account's own rate. Deposits, funding and own trades after it are left out.
    """
    rows, table = run.seizures, run.meta.instruments
    later = rows["step"] + max(1, round(horizon / run.meta.step_seconds))
    rows, later = rows[later < len(marks)], later[later < len(marks)]
    if not len(rows):
        return np.zeros(0, dtype=np.bool_), np.zeros(0, dtype=np.int64)
    _, first, account = np.unique(rows["liquidation"], return_index=True, return_inverse=True)
    leg, unit = rows["instrument"], table.unit[rows["instrument"]]
    then, margined = marks[later, leg], ~table.is_spot[leg]
    gain, before, after = (np.zeros(len(first), dtype=np.int64) for _ in range(3))
    np.add.at(gain, account, rows["lots"] * unit * (then - rows["mark"]))
    np.add.at(before, account, np.abs(rows["lots"]) * unit * rows["mark"] * margined)
    np.add.at(after, account, np.abs(rows["lots"]) * unit * then * margined)
    kept = after / np.maximum(before, 1)
    return rows["equity"][first] + gain >= rows["maintenance"][first] * kept, before


def recovered_share(run: Records, no_liquidation: Records | Missing) -> dict[str, Any]:
    """Share of the seized notional that would have been above maintenance `HORIZON` later: on the marks of the run itself,
    and of the twin in which nobody was liquidated (the seizure and its equity are the run's in both)."""
    twin = no_liquidation if isinstance(no_liquidation, Missing) else no_liquidation.per_instrument["mark"]
    return {"run": _share(run, run.per_instrument["mark"]), "no_liquidation": _share(run, twin)}


def _share(run: Records, marks: NDArray[np.int64] | Missing) -> Value:
    if isinstance(marks, Missing) or not run.meta.traced:
        return marks if isinstance(marks, Missing) else UNTRACED
    if not len(run.seizures):
        return Missing("nobody was seized")
    healthy, notional = recovered(run, marks)
    if not notional.sum():
        return Missing(f"no seizure was {HORIZON:g} s or more before the end of the run")
    return int(notional[healthy].sum()) / int(notional.sum())


def saved_by_offset_share(run: Records) -> Value:
    """Notional of legs whose account was never seized over notional of all legs that were below their own margin, share.

    Legs of accounts with several, looked at with the snapshots of health and at every seizure; a leg by itself has its
    share of the opening collateral and its own profit since. The reverse of `healthy_closed_share`.
    """
    under, saved = run.meta.under_alone
    if not run.meta.traced:
        return UNTRACED
    return saved / under if under else Missing("no leg of several was below its own margin")
