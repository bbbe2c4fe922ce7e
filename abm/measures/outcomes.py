"""Outcomes: the few numbers of a run of which one can say how much each channel of contagion carried."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from abm.measures import calls, liquidations, losses, prices
from abm.measures.value import MATERIAL, Missing, Value
from abm.records import Records


class Outcome(NamedTuple):
    """A number of a run that can be attributed to channels."""

    unit: str
    help: str
    of: Callable[[Records, Records], Value]  # (run, its run without liquidations or itself) -> the number
    with_twin: bool = False
    floor: float = 0.0  # totals below this are not shared out


def _excess_fall(run: Records, no_liquidation: Records) -> Value:
    others = [a for a in range(len(run.meta.assets)) if a not in run.meta.shocked]
    if not run.meta.shocked or not others:
        return Missing("needs an asset that is shocked and one that is not")
    return float(np.mean(prices.excess_fall(run, no_liquidation)[others]))


OUTCOMES: Mapping[str, Outcome] = {
    "excess_fall": Outcome(
        "share of opening price",
        "fall of the assets that were not shocked below their path without liquidations, mean over them",
        _excess_fall,
        with_twin=True,
        floor=MATERIAL,
    ),
    "forced_share": Outcome(
        "share of open interest",
        "forced notional over open interest at the opening",
        lambda run, _: liquidations.forced_share(run),
    ),
    "accounts": Outcome("accounts", "accounts that entered liquidation", lambda run, _: liquidations.accounts(run)),
    "bad_debt": Outcome("currency", "negative equity of accounts at their close", lambda run, _: losses.bad_debt(run)["total"]),
    "margin_calls": Outcome("accounts", "accounts that had a margin call", lambda run, _: calls.accounts(run)),
}
