"""Carriers: what each channel of contagion carried of a run, by the twins in which it is off, and by who lost through what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from abm.market.causes import Cause
from abm.measures.outcomes import OUTCOMES
from abm.measures.reproduction import UNTRACED
from abm.measures.value import Missing, Value, ratio
from abm.records import Records

SWITCHED = {"cross_margin": "isolated", "impact": "no_impact", "adl": "no_adl"}  # channel -> the twin in which it is off
TOLD = ("excess_fall", "forced_share", "bad_debt")  # outcomes
ONE = Missing("one seed has no interval: run with --seeds N, 6 or more")


def carriers(run: Records, twins: Mapping[str, Records]) -> dict[str, Any]:
    """By outcome its `total` in the run and, by channel, what is gone when that alone is off; and `lost`; see
    `abm.measures.table`.

    An `effect` is the run minus the twin on the same random numbers, below 0 where the channel held the outcome down; a
    `share` is of the total. Effects need not add up: two channels may carry the same fall. The excess fall of every twin is
    against the run's own twin without liquidations. `interval` is `Missing`: over seeds the statistics of each leaf have it.
    """
    found: dict[str, Any] = {}
    for name in TOLD:
        total = _outcome(name, run, twins)
        drop = {channel: _drop(name, total, twin, twins) for channel, twin in SWITCHED.items()}
        found[name] = {"total": total, "drop": drop}
    return found | {"lost": lost(run)}


def _outcome(name: str, run: Records, twins: Mapping[str, Records]) -> Value:
    outcome = OUTCOMES[name]
    if outcome.with_twin and "no_liquidation" not in twins:
        return Missing("needs the twin no_liquidation, which was not run")
    return outcome.of(run, twins["no_liquidation"] if outcome.with_twin else run)


def _drop(name: str, total: Value, twin: str, twins: Mapping[str, Records]) -> dict[str, Value]:
    left = _outcome(name, twins[twin], twins) if twin in twins else Missing(f"needs the twin {twin}, which was not run")
    if isinstance(total, Missing) or isinstance(left, Missing):
        why = total if isinstance(total, Missing) else left
        return {"effect": why, "share": why, "interval": ONE}
    effect = total - left
    return {"effect": effect, "share": ratio(effect, total, floor=OUTCOMES[name].floor, what="the total"), "interval": ONE}


def lost(run: Records) -> dict[str, Any]:
    """Of what seized accounts lost since each leg last changed, the share by asset and cause (names of `Cause`, small
    letters); all of them add up to 1. A gain in an asset through a cause is left out, as it took nobody below the trigger.
    """
    assets, causes = run.meta.assets, [cause.name.lower() for cause in Cause]
    if not run.meta.traced or not len(run.lineage):
        why = Missing("nobody was seized") if run.meta.traced else UNTRACED
        return {asset: dict.fromkeys(causes, why) for asset in assets}
    rows = run.lineage
    by_account = np.zeros((int(rows["liquidation"].max()) + 1, len(assets), len(Cause)))
    np.add.at(by_account, (rows["liquidation"], run.meta.instruments.asset[rows["instrument"]], rows["cause"]), rows["loss"])
    share = np.maximum(by_account, 0.0).sum(axis=0)
    total = float(share.sum())
    if not total:
        return {asset: dict.fromkeys(causes, Missing("the seized had lost nothing")) for asset in assets}
    return {asset: dict(zip(causes, (share[a] / total).tolist(), strict=True)) for a, asset in enumerate(assets)}
