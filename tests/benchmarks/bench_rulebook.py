"""What the rulebook costs: the baseline under the full rulebook beside the simplest rules, and where the time goes.

Run from the root of the project: python tests/benchmarks/bench_rulebook.py [--profile]
"""

from __future__ import annotations

import cProfile
import pstats
import sys
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from abm import CascadeModel, Scenario  # noqa: E402

ROUNDS = 5  # of alternating runs
SECONDS = 3600.0  # of market time
HOUSE = "venues.main.clearing"
SIMPLEST: dict[str, Any] = {
    f"{HOUSE}.liquidation": {"kind": "whole"},
    f"{HOUSE}.keeper.capital_share": 0.0,
    f"{HOUSE}.adl": "none",
}
FULL: dict[str, Any] = {
    f"{HOUSE}.margin": {"kind": "portfolio", "offset": 0.5},
    f"{HOUSE}.concentration": "addon",
    f"{HOUSE}.calls": {"kind": "notice", "trigger": 1.1, "deadline": 60.0},
    f"{HOUSE}.liquidation": {"kind": "just_enough", "priority": "least_impact"},
    f"{HOUSE}.keeper": {"count": 3, "trigger": 1.0},
    f"{HOUSE}.takeover": "auction",
    f"{HOUSE}.vault": "backstop",
    f"{HOUSE}.members": {"count": 8},
    f"{HOUSE}.waterfall": ["fund", "member", "skin_in_the_game", "members_fund", "assessments", "adl", "socialise"],
    "population.answer": {"reserve_share": 0.5, "response_delay": 60.0, "other_accounts": True, "self_deleverage": 0.5},
    "venues.main.breaker": {"kind": "luld", "pause": 60.0},
}
WORLDS: dict[str, dict[str, Any]] = {"calm": {"world.shocks": []}, "a cascade": {}}


def model(changes: dict[str, Any]) -> CascadeModel:
    return CascadeModel(scenario=Scenario.load("baseline").with_({"time.duration": SECONDS} | changes), rng=1)


def seconds(changes: dict[str, Any]) -> float:
    """Processor seconds of one run without the opening."""
    one = model(changes)
    begin = process_time()
    one.run()
    return process_time() - begin


def main() -> None:
    """Print the table."""
    print(f"baseline, {SECONDS:g} s of market time, medians of {ROUNDS} alternating runs; processor time of one process, s")
    print(f"{'':12} {'simplest rules':>15} {'full rulebook':>15} {'ratio':>7}")
    for name, world in WORLDS.items():
        both = (SIMPLEST | world, FULL | world)
        times = [[seconds(rules) for rules in both] for _ in range(ROUNDS + 1)][1:]  # the first compiles
        simplest, full = np.median(times, axis=0)
        print(f"{name:12} {simplest:15.2f} {full:15.2f} {full / simplest:7.2f}", flush=True)


def profile() -> None:
    """Where the full rulebook spends its time."""
    one = model(FULL)
    with cProfile.Profile() as seen:
        one.run()
    pstats.Stats(seen).sort_stats("cumulative").print_stats(60)


if __name__ == "__main__":
    (profile if "--profile" in sys.argv else main)()
