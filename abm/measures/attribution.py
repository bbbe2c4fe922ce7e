"""Attribution: how much of an outcome each of a few mechanisms carries, from runs with every set of them switched on.

A game is a mapping from sets of channels (those that are on) to the outcome v of the run with exactly these on. The
total to be shared out is v(all) - v(none). Dividends are Harsanyi's: d(S) = sum over T in S of (-1)^(|S| - |T|) v(T),
main effects for single channels and interactions for more; they add up to the total. Shapley (1953) shares every
dividend equally among its channels. Not suitable where an outcome is a share of something that the channels change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, combinations

import numpy as np

from abm.measures.seeds import ENOUGH, RESAMPLES
from abm.measures.value import Missing, Value

On = frozenset[str]
Game = Mapping[On, float]
DESIGNS = ("add_drop", "factorial", "shapley")
MOST = 4  # channels of a full factorial: 16 runs per seed


def subsets(channels: Iterable[str]) -> list[On]:
    """All sets of channels, the empty one first, then by their number."""
    names = list(channels)
    return [frozenset(some) for some in chain.from_iterable(combinations(names, n) for n in range(len(names) + 1))]


def needed(channels: Sequence[str], design: str) -> list[On]:
    """The sets of channels that have to be run for a design."""
    everything = frozenset(channels)
    if design != "add_drop":
        return subsets(channels)
    ends = [frozenset[str](), everything]
    return list(dict.fromkeys([*ends, *(frozenset({c}) for c in channels), *(everything - {c} for c in channels)]))


def total(game: Game, channels: Sequence[str]) -> float:
    """What all channels carry together: v(all) - v(none)."""
    return game[frozenset(channels)] - game[frozenset()]


def dividends(game: Game, channels: Sequence[str]) -> dict[On, float]:
    """Main effects and interactions by set of channels, the empty set left out; exact for whole numbers."""
    found: dict[On, float] = {}
    for some in subsets(channels):
        found[some] = game[some] - sum(found[part] for part in subsets(sorted(some)) if part != some)
    return {some: effect for some, effect in found.items() if some}


def shapley(game: Game, channels: Sequence[str]) -> dict[str, float]:
    """Shapley value of each channel; they add up to the total."""
    parts = dividends(game, channels)
    return {c: sum(effect / len(some) for some, effect in parts.items() if c in some) for c in channels}


def add_one(game: Game, channels: Sequence[str]) -> dict[str, float]:
    """What each channel does alone, all others of them off; these need not add up to the total."""
    return {c: game[frozenset({c})] - game[frozenset()] for c in channels}


def drop_one(game: Game, channels: Sequence[str]) -> dict[str, float]:
    """What is gone when each channel alone is switched off; these need not add up to the total."""
    everything = frozenset(channels)
    return {c: game[everything] - game[everything - {c}] for c in channels}


def effects(game: Game, channels: Sequence[str], design: str) -> dict[str, dict[str, float]]:
    """Effects of one seed by kind and channel: `add` and `drop`, `effect` and `shapley`, or `shapley` alone.

    Interactions are named by their channels, joined by " x " in the order given.
    """
    if design == "add_drop":
        return {"add": add_one(game, channels), "drop": drop_one(game, channels)}
    shared = {"shapley": shapley(game, channels)}
    if design == "shapley":
        return shared
    parts = dividends(game, channels)
    return {"effect": {" x ".join(c for c in channels if c in some): effect for some, effect in parts.items()}, **shared}


def share(effect: Sequence[float], totals: Sequence[float], *, floor: float) -> dict[str, Value]:
    """Sum of an effect over seeds over the sum of the totals: `share`, and `low` and `high`, its 95 % interval.

    A ratio of sums, so that shares of effects that add up add up to 1. The interval is a percentile bootstrap over
    seeds, effect and total drawn together from a fixed stream. `Missing` where the mean total is below `floor`, the
    interval also below 6 seeds and where it cannot be told that there is a total to be shared out.
    """
    part, whole = np.asarray(effect, dtype=np.float64), np.asarray(totals, dtype=np.float64)
    if not len(whole) or whole.mean() <= 0.0 or whole.mean() < floor:
        mean = whole.mean() if len(whole) else 0.0
        none = Missing(f"the channels carry {mean:.4g} in the mean over seeds: nothing material to share out")
        return {"share": none, "low": none, "high": none}
    told: Value = float(part.sum() / whole.sum())
    if len(whole) < ENOUGH:
        few = Missing(f"an interval needs {ENOUGH} seeds, there are {len(whole)}")
        return {"share": told, "low": few, "high": few}
    drawn = np.random.default_rng(0).integers(0, len(whole), size=(RESAMPLES, len(whole)))
    parts, wholes = part[drawn].sum(axis=1), whole[drawn].sum(axis=1)
    if (wholes <= 0.0).mean() > 0.025:  # noqa: PLR2004  the lower end of the interval of the total
        vague = Missing("the interval of the total holds 0: no share can be bounded")
        return {"share": told, "low": vague, "high": vague}
    low, high = np.quantile(parts[wholes > 0.0] / wholes[wholes > 0.0], (0.025, 0.975))
    return {"share": told, "low": float(low), "high": float(high)}
