"""What measuring adds to a run: genealogy on against off, and all measures of the finished run.

Run from the root of the project: python tests/benchmarks/bench_measures.py [pairs]
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import process_time

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from abm import CascadeModel, Scenario  # noqa: E402
from abm.measures.summary import summarise  # noqa: E402

PAIRS = 7
MOST = 0.25  # of a run's time, for genealogy and all measures together


def seconds(scenario: Scenario, seed: int) -> tuple[float, float]:
    """Processor time of one run, and of summarising it."""
    model = CascadeModel(scenario=scenario, rng=seed)
    begun = process_time()
    records = model.run()
    ran = process_time()
    summarise(records, {})
    model.forget()
    return ran - begun, process_time() - ran


def main() -> int:
    """Runs in turns with and without genealogy on the baseline's crash; medians over pairs; 1 if measuring costs too much."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    traced = Scenario.load("baseline")
    plain = traced.with_({"record.genealogy": False})
    seconds(traced, 0)  # compiles
    rows = []
    for seed in range(pairs):
        without, _ = seconds(plain, seed)
        run, summary = seconds(traced, seed)
        rows.append((without, run / without - 1.0, summary / without, (run + summary) / without - 1.0))
    without, genealogy, summary, both = np.median(np.array(rows), axis=0)
    print(f"run without genealogy {without:.2f} s; genealogy adds {genealogy:.1%}, all measures {summary:.1%}, both {both:.1%}")
    return int(both > MOST)


if __name__ == "__main__":
    sys.exit(main())
