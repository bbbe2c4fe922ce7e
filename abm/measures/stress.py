"""What a shock of a stress test did: losses, cascade and margin calls of one run against its run without liquidations."""

from __future__ import annotations

import numpy as np

from abm.measures import calls, liquidations, losses, prices
from abm.measures.ex_ante import reproduction_matrix, spectral_radius
from abm.measures.genealogy import parents
from abm.measures.systemic import SYSTEM
from abm.measures.value import Missing, Value
from abm.records import Exposure, Records

MEASURED = {  # name -> unit and meaning; excess_fall and equity_lost have one entry per asset and per group
    "bad_debt": ("currency", "negative equity of accounts at their close"),
    "uncollected": ("currency", "negative equity of accounts still open at the end"),
    "equity_lost": ("currency", "equity of a group of traders, or of the whole system, at the opening minus at the end"),
    "equity_lost_by_losers": ("currency", "sum of equity_lost over the groups that lost, the makers among them"),
    "forced_share": ("share", "forced notional over one-sided open interest at the opening"),
    "accounts": ("accounts", "distinct accounts that entered liquidation"),
    "excess_fall": ("share of opening price", "how much lower than without liquidations, at most"),
    "excess_fall_of_others": ("share of opening price", "the largest excess fall of an asset that was not shocked"),
    "margin_calls": ("accounts", "distinct accounts that had a margin call"),
    "margin_calls_amount": ("currency", "what margin calls asked for when they were made"),
    "spectral_radius": ("currency per currency", "forced sales set off by forced sales, from accounts and books alone"),
    "growth": ("liquidations", "second generation of liquidations per one of the first; 0 where nobody was liquidated"),
}


def unit_of(name: str) -> str:
    """Unit of a measure, or of its entry for an asset or a group."""
    return MEASURED[name.split(".", maxsplit=1)[0]][0]


def measured(run: Records, no_liquidation: Records) -> dict[str, Value]:
    """Every measure of one run under its dotted name."""
    meta = run.meta
    excess = prices.excess_fall(run, no_liquidation)
    lost = {group: (opening - end) * meta.cash_unit for group, (opening, end) in meta.equity.items()}
    others = [float(excess[a]) for a in range(len(meta.assets)) if a not in meta.shocked]
    return {
        "bad_debt": losses.bad_debt(run)["total"],
        "uncollected": losses.uncollected(run),
        **{f"equity_lost.{group}": amount for group, amount in lost.items()},
        "equity_lost_by_losers": sum(max(0.0, amount) for group, amount in lost.items() if group != SYSTEM),
        "forced_share": liquidations.forced_share(run),
        "accounts": liquidations.accounts(run),
        **{f"excess_fall.{asset}": float(fall) for asset, fall in zip(meta.assets, excess, strict=True)},
        "excess_fall_of_others": max(others) if others else Missing("every asset is shocked"),
        "margin_calls": calls.accounts(run),
        "margin_calls_amount": calls.amount(run),
        "spectral_radius": _radius(run.exposure),
        "growth": growth(run),
    }


def growth(run: Records) -> float:
    """Liquidations of the second generation over those of the first; 0 where nobody was liquidated.

    First are those without a parent (see `abm.measures.genealogy`), second those whose parent is a first.
    """
    parent = parents(run)
    first = parent < 0
    second = ~first & first[np.maximum(parent, 0)] if len(parent) else first
    return int(second.sum()) / max(1, int(first.sum()))


def radius_after(exposure: Exposure, fall: float) -> float:
    """Spectral radius after the exposure's shock scaled so that the asset hit hardest falls by `fall`, share of price.

    Infinite where a book has no bids for what would be sold. Raises ValueError where no asset is shocked downwards.
    """
    worst = -float(exposure.moves.min(initial=0.0))
    if worst <= 0:
        raise ValueError("radius_after needs a shock downwards")
    return spectral_radius(reproduction_matrix(exposure, exposure.moves * (fall / worst)))


def _radius(exposure: Exposure | None) -> Value:
    if exposure is None:
        return Missing("the run ended before its calm beginning did")
    radius = spectral_radius(reproduction_matrix(exposure, exposure.moves))
    return radius if np.isfinite(radius) else Missing("a book has no bids")
