"""Milliseconds of portfolio margin for 100,000 accounts x 8 instruments on one core, against numpy.

Run from the root of the project: python tests/benchmarks/bench_portfolio.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from abm.clearing.margin.concentration import AddOn  # noqa: E402
from abm.clearing.margin.grids import Leg  # noqa: E402
from abm.clearing.margin.portfolio import Portfolio  # noqa: E402
from abm.kernels.concentration import Pools  # noqa: E402
from abm.kernels.portfolio import Grid, deviation, scan  # noqa: E402

N_ACCOUNTS, N_INSTRUMENTS = 100_000, 8
PRICE = 100_000  # cash units per lot


def median_ms(call: Callable[[], object], repeats: int = 60) -> float:
    """Median milliseconds of `call` after two warm ones."""
    times = []
    for _ in range(repeats + 2):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return 1e3 * float(np.median(times[2:]))


def naive(position: np.ndarray, grid: Grid) -> np.ndarray:
    """The scan without charges, as one would write it in numpy."""
    units = list(zip(grid.unit[:-1], grid.unit[1:], strict=True))
    legs = position[:, grid.leg].astype(np.float64)
    gains = [legs[:, first:last] @ grid.gain[first:last] for first, last in units]
    total = sum(np.maximum(0.0, -gain.min(axis=1)) for gain in gains)
    net = np.maximum(0.0, -sum(gains).min(axis=1))
    return total - grid.offset * np.maximum(0.0, total - net)


def main() -> None:
    rng = np.random.default_rng(1)
    lots = (rng.pareto(1.4, (N_ACCOUNTS, N_INSTRUMENTS)) * 100).clip(0, 1e6).astype(np.int64)
    lots = np.asfortranarray(lots * rng.choice([-1, 1], lots.shape))
    cases = (
        ("8 perpetuals, 8 underlyings, added", [Leg(f"A{k}", PRICE) for k in range(8)], Portfolio()),
        (
            "8 perpetuals, 8 underlyings, netted",
            [Leg(f"A{k}", PRICE) for k in range(8)],
            Portfolio(offset=1.0, offset_charge=0.0),
        ),
        ("8 perpetuals, 4 underlyings, added", [Leg(f"A{k // 2}", PRICE) for k in range(8)], Portfolio()),
        (
            "1 perpetual, 7 options of 1 underlying",
            [Leg("A", PRICE), *(Leg("A", PRICE, PRICE * (0.7 + 0.1 * k), 30.0, 0.6) for k in range(7))],
            Portfolio(),
        ),
    )
    for name, legs, rule in cases:
        grid = rule.tables_of(legs)
        if not np.allclose(scan(lots, grid), naive(lots, grid), rtol=1e-9):
            raise SystemExit("kernel and numpy disagree")
        fast, slow = (median_ms(lambda f=f, g=grid: f(lots, g), n) for f, n in ((scan, 60), (naive, 9)))
        print(
            f"{len(rule.grid.scenarios)} scenarios, {name:40s} {fast:7.3f} ms   numpy {slow:7.2f} ms   ratio {slow / fast:5.1f}"
        )
    covariance, price = 0.0025 * (0.5 * np.eye(8) + 0.5), np.full(8, PRICE)
    print(f"value at risk, 8 instruments {median_ms(lambda: deviation(lots, price, covariance)):7.3f} ms")
    rows = np.arange(N_ACCOUNTS)
    pools, interest = Pools(rows, np.arange(N_ACCOUNTS + 1), rows), np.maximum(lots, 0).sum(axis=0)
    market, rule = (np.arange(8), price, interest), AddOn(threshold=0.001)
    print(f"concentration add-on, 8 instruments {median_ms(lambda: rule.asked(rows, pools, lots, market)):7.3f} ms")


if __name__ == "__main__":
    main()
