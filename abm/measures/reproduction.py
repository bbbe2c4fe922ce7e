"""How many liquidations one liquidation sets off, seen in three ways: by twins, by genealogy, and before the shock."""

from __future__ import annotations

from typing import Any

import numpy as np

from abm.market.causes import Cause
from abm.measures import ex_ante
from abm.measures.genealogy import losses
from abm.measures.prices import fall
from abm.measures.value import MATERIAL, Missing, Value, ratio
from abm.records import Records

UNTRACED = Missing("record.genealogy is off: nobody looked back")


def by_twins(run: Records, no_liquidation: Records, start: int, floor: float = MATERIAL) -> Value:
    """1 - fall without liquidations / fall of the run, each the mean over assets weighted by opening open interest.

    In a linear market the total fall is the first one over 1 - R, so this is R. Negative where liquidations held prices
    up; `Missing` where the run's mean fall is below `floor`. Not suitable for rising shocks.
    """
    if not run.meta.shocked and no_liquidation.meta.shocked:
        return Missing("nothing is shocked in this run, but in its twin")
    weight = np.bincount(run.meta.instruments.asset, weights=run.meta.opening_notional, minlength=len(run.meta.assets))
    if not weight.any():
        return Missing("there was no open interest at the opening")
    with_, without = (float(fall(records, start) @ weight / weight.sum()) for records in (run, no_liquidation))
    share = ratio(without, with_, floor=floor, what="the mean fall of the run")
    return share if isinstance(share, Missing) else 1.0 - share


def by_genealogy(run: Records) -> Value:
    """Mean number of later liquidations that one caused, each counted by the share of its loss that went through it.

    Losses through forced orders whose liquidation is too small a cause to be named, or beyond `record.parents_max`, count too.
    Biased upwards where many sell at once: whoever would have been seized a step later anyway is counted too.
    """
    if not run.meta.traced:
        return UNTRACED
    if not len(run.lineage):
        return Missing("nobody was seized")
    table = losses(run)
    return float(table.loc[table["cause"] == Cause.FORCED, "share"].sum() / (int(run.lineage["liquidation"].max()) + 1))


def before_the_shock(run: Records) -> Value:
    """Spectral radius of the reproduction matrix of accounts and books as they stood before the shock, after it alone."""
    if not run.meta.traced:
        return UNTRACED
    if run.exposure is None:
        return ex_ante.TOO_SHORT
    radius = ex_ante.spectral_radius(ex_ante.reproduction_matrix(run.exposure, run.exposure.moves))
    return radius if np.isfinite(radius) else Missing("a book has no bids")


def reproduction_number(run: Records, no_liquidation: Records | Missing, start: int) -> dict[str, Any]:
    """The three beside one another, and the gap of the first two; see `abm.measures.table`."""
    twins = no_liquidation if isinstance(no_liquidation, Missing) else by_twins(run, no_liquidation, start)
    genealogy = by_genealogy(run)
    gap: Value
    if isinstance(twins, Missing) or isinstance(genealogy, Missing):
        gap = twins if isinstance(twins, Missing) else genealogy
    else:
        gap = genealogy - twins
    return {"twins": twins, "genealogy": genealogy, "ex_ante": before_the_shock(run), "gap": gap}
