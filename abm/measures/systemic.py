"""Systemic risk across seeds: tails of the losses of groups and of all, and what the one says about the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abm.measures.value import Missing, Value
from abm.records import Records

LEVEL = 0.9  # losses beyond this quantile are the tail
FEWEST = 20  # seeds, or owners: two of them are the tail
SYSTEM = "system"
STATISTICS = ("value_at_risk", "expected_shortfall", "marginal_expected_shortfall", "covar", "delta_covar")


def value_at_risk(losses: ArrayLike, level: float = LEVEL) -> float:
    """Quantile `level` of `losses` (n,), linear between observations."""
    return float(np.quantile(np.asarray(losses, dtype=np.float64), level))


def expected_shortfall(losses: ArrayLike, level: float = LEVEL) -> float:
    """Mean of the losses (n,) at or beyond their quantile `level` (Acerbi & Tasche 2002)."""
    lost = np.asarray(losses, dtype=np.float64)
    return float(lost[lost >= value_at_risk(lost, level)].mean())


def marginal_expected_shortfall(losses: ArrayLike, system: ArrayLike, level: float = LEVEL) -> float:
    """Mean of `losses` (n,) where those of the `system` (n,) are in their tail (Acharya et al. 2017, RFS 30)."""
    whole = np.asarray(system, dtype=np.float64)
    return float(np.asarray(losses)[whole >= value_at_risk(whole, level)].mean())


def covar(losses: ArrayLike, system: ArrayLike, level: float = LEVEL) -> float:
    """Quantile `level` of the `system`'s losses (n,) in those seeds in which `losses` (n,) are in their tail.

    The conditional quantile of Adrian & Brunnermeier (2016, AER 106), read off the seeds instead of a regression.
    """
    lost = np.asarray(losses, dtype=np.float64)
    return float(np.quantile(np.asarray(system)[lost >= value_at_risk(lost, level)], level))


def delta_covar(losses: ArrayLike, system: ArrayLike, level: float = LEVEL) -> float:
    """`covar` minus the same quantile where `losses` (n,) are as near their median as the tail is wide."""
    lost, whole = np.asarray(losses, dtype=np.float64), np.asarray(system)
    tail = int((lost >= value_at_risk(lost, level)).sum())
    usual = np.argsort(np.abs(lost - np.median(lost)), kind="stable")[:tail]
    return covar(lost, whole, level) - float(np.quantile(whole[usual], level))


def account_loss(run: Records) -> dict[str, Value]:
    """`value_at_risk` and `expected_shortfall` over the owners of one run: of each the share of its opening equity, in all its
    accounts, that was gone at the end. Owners without equity at the opening are left out."""
    opening, end = run.meta.owned[run.meta.owned[:, 0] > 0].T
    if len(opening) < FEWEST:
        return dict.fromkeys(STATISTICS[:2], Missing(f"needs {FEWEST} owners with equity at the opening, had {len(opening)}"))
    lost = 1.0 - end / opening
    return {"value_at_risk": value_at_risk(lost), "expected_shortfall": expected_shortfall(lost)}


def systemic(changes: Sequence[Mapping[str, float]]) -> dict[str, dict[str, Any]]:
    """Every statistic for every group from the relative changes of equity of each seed; `Missing` with too few seeds."""
    if len(changes) < FEWEST:
        missing: Value = Missing(f"needs {FEWEST} seeds, had {len(changes)}")
        return {statistic: dict.fromkeys(changes[0], missing) for statistic in STATISTICS} if changes else {}
    losses: dict[str, NDArray[np.float64]] = {group: -np.array([one[group] for one in changes]) for group in changes[0]}
    whole = losses[SYSTEM]
    return {
        "value_at_risk": {group: value_at_risk(lost) for group, lost in losses.items()},
        "expected_shortfall": {group: expected_shortfall(lost) for group, lost in losses.items()},
        "marginal_expected_shortfall": {group: marginal_expected_shortfall(lost, whole) for group, lost in losses.items()},
        "covar": {group: covar(lost, whole) for group, lost in losses.items()},
        "delta_covar": {group: delta_covar(lost, whole) for group, lost in losses.items()},
    }
