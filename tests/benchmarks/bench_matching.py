"""Nanoseconds per order of the batch matcher, beside the plain-Python book on the same orders: python tests/benchmarks/bench_matching.py"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from abm.kernels.matching import by_key  # noqa: E402
from abm.market.book import Books  # noqa: E402
from abm.market.instrument import Instruments  # noqa: E402
from abm.market.order import Kind, OrderBatch, orders  # noqa: E402
from tests.naive import NaiveBooks  # noqa: E402

N_INSTRUMENTS, N_ACCOUNTS = 4, 100_000
OPENING, LADDER, REACH = 10_000, 40_000, 500  # ticks; quotes lie up to REACH behind the best opposite price


def market() -> Instruments:
    """Four instruments of 40,000 ticks."""
    rows, ones = np.arange(N_INSTRUMENTS), np.ones(N_INSTRUMENTS, np.int64)
    return Instruments(tuple("ABCD"), rows, 0 * ones, 1.0 * ones, 1.0 * ones, ones, OPENING * ones, LADDER * ones)


def limits(rng: np.random.Generator, books: Books, n: int) -> OrderBatch:
    """Limit orders behind the best opposite price, one in ten across it."""
    trader, instrument = rng.integers(0, N_ACCOUNTS, n), rng.integers(0, N_INSTRUMENTS, n)
    side = rng.choice([-1, 1], n)
    opposite = np.where(side > 0, books.best_ask[instrument], books.best_bid[instrument])
    opposite = np.where(opposite == 0, OPENING, opposite)
    offset = np.where(rng.random(n) < 0.1, -2, rng.integers(1, REACH, n))
    tick = np.clip(opposite - side * offset, 1, LADDER - 1)
    return orders(trader=trader, account=trader, instrument=instrument, side=side, lots=rng.integers(1, 20, n), tick=tick)


def flow(rng: np.random.Generator, books: Books, resting: int, n: int) -> OrderBatch:
    """n orders in mixed order: 15 % market, the rest limits and cancels so that `resting` orders stay in the books."""
    held = books.resting_orders()
    surplus = (len(held) - resting) / n
    n_cancel = min(len(held), int(n * min(max(0.33 + surplus / 2, 0.0), 0.8)))
    gone = held[rng.choice(len(held), n_cancel, replace=False)]
    n_market = int(0.15 * n)
    trader, instrument = rng.integers(0, N_ACCOUNTS, n_market), rng.integers(0, N_INSTRUMENTS, n_market)
    side, lots = rng.choice([-1, 1], n_market), rng.integers(1, 20, n_market)
    batch = np.concatenate(
        [
            orders(trader=gone["trader"], instrument=gone["instrument"], side=1, lots=0, ref=gone["id"], kind=Kind.CANCEL),
            orders(trader=trader, account=trader, instrument=instrument, side=side, lots=lots, kind=Kind.MARKET),
            limits(rng, books, n - n_market - n_cancel),
        ]
    )
    batch["key"] = rng.integers(0, 2**64, n, dtype=np.uint64)
    return rng.permutation(batch)


def full_books(rng: np.random.Generator, resting: int) -> tuple[Books, OrderBatch]:
    """Books with `resting` orders, and the batch that filled them."""
    books = Books(market(), N_ACCOUNTS)
    trader, instrument = rng.integers(0, N_ACCOUNTS, resting), rng.integers(0, N_INSTRUMENTS, resting)
    side = rng.choice([-1, 1], resting)
    tick = OPENING - side * rng.integers(1, REACH, resting)
    opening = orders(trader=trader, account=trader, instrument=instrument, side=side, lots=rng.integers(1, 20, resting), tick=tick)
    opening["key"] = np.arange(resting)
    return books, opening


def sessions(resting: int, n: int, repeats: int) -> Iterator[tuple[float, float, NDArray[np.float64]]]:
    """(ns/order in all, ns/order of the sort apart, shares of market orders, cancels and fills) per batch."""
    rng = np.random.default_rng(resting + n)
    books, opening = full_books(rng, resting)
    books.execute(opening)
    for _ in range(repeats):
        batch = flow(rng, books, resting, n)
        key = np.ascontiguousarray(batch["key"][batch["kind"] < Kind.CANCEL])
        begin = time.perf_counter_ns()
        by_key(key)
        sorted_at = time.perf_counter_ns()
        execution = books.execute(batch)
        end = time.perf_counter_ns()
        shares = np.array([np.mean(batch["kind"] == Kind.CANCEL), len(execution.fills) / n, len(books.resting_orders())])
        yield (end - sorted_at) / n, (sorted_at - begin) / n, shares


def naive_ns(resting: int, n: int, repeats: int) -> float:
    """Median ns/order of the plain-Python book on the same flow (its cancels carry its own ids)."""
    rng = np.random.default_rng(resting + n)
    books, opening = full_books(rng, resting)
    plain = NaiveBooks([OPENING] * N_INSTRUMENTS, [LADDER] * N_INSTRUMENTS)
    own = dict(zip(books.execute(opening).order_id.tolist(), plain.execute(opening).order_id, strict=True))
    times = []
    for _ in range(repeats):
        batch = flow(rng, books, resting, n)
        translated = batch.copy()
        cancels = batch["kind"] == Kind.CANCEL
        translated["ref"][cancels] = [own[ref] for ref in batch["ref"][cancels].tolist()]
        begin = time.perf_counter_ns()
        done = plain.execute(translated)
        times.append((time.perf_counter_ns() - begin) / n)
        own.update(zip(books.execute(batch).order_id.tolist(), done.order_id, strict=True))
    return float(np.median(times))


def main() -> None:
    """Print the table."""
    print(f"{N_INSTRUMENTS} books of {LADDER} ticks, {N_ACCOUNTS} accounts; medians; the sort is part of the kernel's time")
    print(f"{'resting':>9} {'batch':>8} {'ns/order':>9} {'sort':>6} {'naive':>8} {'ratio':>7} {'cancels':>8} {'fills/order':>12} {'held':>9}")
    for resting, n, repeats in [
        (1_000, 1_000, 300), (1_000, 10_000, 60), (10_000, 1_000, 200), (10_000, 10_000, 60),
        (100_000, 10_000, 30), (100_000, 100_000, 12), (1_000_000, 100_000, 8),
    ]:  # fmt: skip
        rows = list(sessions(resting, n, repeats))[2:]
        ns, sort = float(np.median([r[0] for r in rows])), float(np.median([r[1] for r in rows]))
        naive = naive_ns(resting, n, 4) if resting <= 10_000 else float("nan")
        cancels, fills, held = np.median([r[2] for r in rows], axis=0)
        print(f"{resting:9} {n:8} {ns:9.1f} {sort:6.1f} {naive:8.0f} {naive / ns:7.0f} {cancels:8.2f} {fills:12.2f} {held:9.0f}")


if __name__ == "__main__":
    main()
