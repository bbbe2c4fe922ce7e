"""Summaries over seeds: medians, quantiles and intervals, never a bare mean, since these outputs are heavy-tailed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from abm.measures.dependence import tail_dependence
from abm.measures.systemic import FEWEST as TAIL_SEEDS
from abm.measures.systemic import LEVEL, SYSTEM, systemic
from abm.measures.value import Missing

ENOUGH = 6  # the widest interval for a median, smallest to largest of n, covers it with 1 - 2^(1 - n): 97 % at 6, 94 % at 5
CRITICAL = 0.8  # reproduction number from which sizes of cascades are heavy-tailed; choice
CRITICAL_SEEDS = 200  # choice, with it
RESAMPLES = 2_000
HEADING = ("scenario", "seed", "steps", "step_seconds", "currency", "assets", "depth_within", "shock", "unavailable")


def summarise_seeds(summaries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """`seeds`: every measure of the summaries as {median, p10, p90, low, high, least, most, count}; `unavailable`: reasons.

    `low` and `high` are the 95 % percentile-bootstrap interval of the median (Efron & Tibshirani 1993, chapter 13),
    drawn from a fixed stream; None below 6 seeds, which cannot bound a median at 95 %. `count` is the number of seeds in
    which the measure is defined: the statistics are of those alone. Raises ValueError without a summary.
    """
    if not summaries:
        raise ValueError("summarise_seeds needs at least one summary, was given none")
    reasons: dict[str, str] = {}
    measures = [{key: leaf for key, leaf in summary.items() if key not in HEADING} for summary in summaries]
    given = [summary["unavailable"] for summary in summaries]
    tree = _gather(measures, given, "", reasons) | {"systemic": _systemic(summaries, reasons)}
    heading = {"count": len(summaries), "list": [s["seed"] for s in summaries], "warnings": warnings(summaries)}
    return {"seeds": {**heading, **tree}, "unavailable": reasons}


def warnings(summaries: Sequence[dict[str, Any]]) -> list[str]:
    """What these seeds are too few for, a sentence each; none where they are enough."""
    count = len(summaries)
    ratios = [one["reproduction_number"]["genealogy"] for one in summaries]
    defined = [ratio for ratio in ratios if ratio is not None]
    told = []
    if count < ENOUGH:
        told.append(f"{count} seeds cannot bound a median at 95 %: an interval needs {ENOUGH}")
    if count < TAIL_SEEDS:
        told.append(f"{count} seeds have no tail: value at risk and its like need {TAIL_SEEDS}")
    if defined and count < CRITICAL_SEEDS and float(np.median(defined)) >= CRITICAL:
        told.append(
            f"a liquidation sets off {np.median(defined):.2f} more: this near 1 sizes of cascades are heavy-tailed, "
            f"and intervals from fewer than {CRITICAL_SEEDS} seeds move with the seeds"
        )
    return told


def _systemic(summaries: Sequence[dict[str, Any]], reasons: dict[str, str]) -> dict[str, Any]:
    """Tails of the losses of groups, over all seeds."""
    changes = [{group: value for group, value in one["equity_change"].items() if value is not None} for one in summaries]
    measured = systemic([one for one in changes if SYSTEM in one])
    falls = {asset: np.array([one["fall"][asset] for one in summaries]) for asset in summaries[0]["fall"]}
    measured["tail_dependence"] = {
        f"{first}.{second}": tail_dependence(np.column_stack([falls[first], falls[second]]), LEVEL)
        for first, second in combinations(falls, 2)
    }
    for statistic, groups in measured.items():
        for group, value in groups.items():
            if isinstance(value, Missing):
                groups[group], reasons[f"seeds.systemic.{statistic}.{group}"] = None, value.reason
    return measured


def _gather(
    trees: Sequence[dict[str, Any]], given: Sequence[dict[str, str]], prefix: str, reasons: dict[str, str]
) -> dict[str, Any]:
    """Statistics of every leaf; the trees have equal keys."""
    gathered: dict[str, Any] = {}
    for key, first in trees[0].items():
        name, leaves = prefix + key, [tree[key] for tree in trees]
        if key == "interval":  # of one seed: there is none, and here every leaf has its own
            continue
        if isinstance(first, dict):
            gathered[key] = _gather(leaves, given, f"{name}.", reasons)
            continue
        gathered[key] = statistics([leaf for leaf in leaves if leaf is not None])
        count = gathered[key]["count"]
        told = f"defined in {count} of {len(trees)} seeds, an interval needs {ENOUGH}" if count else given[0][name]
        reasons |= {f"seeds.{name}.{statistic}": told for statistic, number in gathered[key].items() if number is None}
    return gathered


def statistics(values: Sequence[float]) -> dict[str, float | int | None]:
    """Median, 10 % and 90 % quantile (linear between observations), interval of the median, extremes; None where undefined."""
    if not values:
        return {"median": None, "p10": None, "p90": None, "low": None, "high": None, "least": None, "most": None, "count": 0}
    p10, median, p90 = (float(q) for q in np.quantile(values, (0.1, 0.5, 0.9)))
    ends = {"least": float(min(values)), "most": float(max(values))}
    low, high = _interval(values) if len(values) >= ENOUGH else (None, None)
    return {"median": median, "p10": p10, "p90": p90, "low": low, "high": high, **ends, "count": len(values)}


def _interval(values: Sequence[float]) -> tuple[float, float]:
    from scipy.stats import bootstrap  # slow to import

    if min(values) == max(values):
        return float(values[0]), float(values[0])
    interval = bootstrap(
        (np.asarray(values, dtype=np.float64),),
        np.median,
        n_resamples=RESAMPLES,
        method="percentile",
        random_state=np.random.default_rng(0),  # called rng from scipy 1.15 on, which accepts both
    ).confidence_interval
    return float(interval.low), float(interval.high)
