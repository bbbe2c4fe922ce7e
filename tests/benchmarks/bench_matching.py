"""Nanoseconds per order of the batch matcher, beside the plain-Python book: python tests/benchmarks/bench_matching.py"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from abm.kernels.matching import by_key  # noqa: E402
from abm.market.book import Books  # noqa: E402
from abm.market.instrument import Instruments  # noqa: E402
from abm.market.order import Kind, OrderBatch, orders  # noqa: E402
from tests.naive import NaiveBooks  # noqa: E402

N_INSTRUMENTS = 4
OPENING, LADDER, REACH = 10_000, 40_000, 500  # ticks; quotes lie up to REACH behind the best opposite price
SIZES = [  # (orders resting, orders per batch, batches)
    (1_000, 1_000, 300),
    (1_000, 10_000, 60),
    (10_000, 1_000, 200),
    (10_000, 10_000, 60),
    (100_000, 10_000, 30),
    (100_000, 100_000, 10),
    (1_000_000, 100_000, 8),
]
NAIVE_BATCHES = 6  # the plain book is timed on the first few, with at most NAIVE_RESTING orders
NAIVE_RESTING = 10_000


def market() -> Instruments:
    """Four instruments of 40,000 ticks."""
    rows, ones = np.arange(N_INSTRUMENTS), np.ones(N_INSTRUMENTS, np.int64)
    return Instruments(tuple("ABCD"), rows, 0 * ones, 1.0 * ones, 1.0 * ones, ones, OPENING * ones, LADDER * ones)


def drawn(rng: np.random.Generator, n: int, n_accounts: int) -> OrderBatch:
    """n limit orders of random traders and sizes, behind the opening price."""
    trader, side = rng.integers(0, n_accounts, n), rng.choice([-1, 1], n)
    return orders(
        trader=trader,
        account=trader,
        instrument=rng.integers(0, N_INSTRUMENTS, n),
        side=side,
        lots=rng.integers(1, 20, n),
        tick=OPENING - side * rng.integers(1, REACH, n),
        key=rng.integers(0, 2**64, n, dtype=np.uint64),
    )


def flow(rng: np.random.Generator, books: Books, resting: int, n: int) -> OrderBatch:
    """n orders in random order: 15 % market, the rest limits (one in ten crosses) and cancels that keep `resting` orders."""
    held = books.resting_orders()
    n_cancel = min(len(held), int(np.clip(0.33 * n + (len(held) - resting) / 2, 0.0, 0.8 * n)))
    gone = held[rng.choice(len(held), n_cancel, replace=False)]
    batch = drawn(rng, n, books.n_accounts)
    opposite = np.where(batch["side"] > 0, books.best_ask[batch["instrument"]], books.best_bid[batch["instrument"]])
    away = np.where(rng.random(n) < 0.1, -2, np.abs(batch["tick"] - OPENING))
    batch["tick"] = np.clip(np.where(opposite == 0, OPENING, opposite) - batch["side"] * away, 1, LADDER - 1)
    batch["kind"][n_cancel : n_cancel + int(0.15 * n)] = Kind.MARKET
    for name, column in (("trader", gone["trader"]), ("account", gone["account"]), ("ref", gone["id"]), ("kind", Kind.CANCEL)):
        batch[name][:n_cancel] = column
    return rng.permutation(batch)


def recorded(resting: int, n: int, n_batches: int) -> tuple[list[OrderBatch], list[int], float]:
    """A stream of batches (the first fills the books), what rested after each, and fills per order."""
    rng, n_accounts = np.random.default_rng(resting + n), max(2_000, resting)
    books = Books(market(), n_accounts)
    stream, held, n_fills = [drawn(rng, resting, n_accounts)], [], 0
    books.execute(stream[0])
    for _ in range(n_batches):
        stream.append(flow(rng, books, resting, n))
        n_fills += len(books.execute(stream[-1]).fills)
        held.append(len(books.resting_orders()))
    return stream, held, n_fills / (n * n_batches)


def kernel_ns(stream: list[OrderBatch], n_accounts: int) -> float:
    """Median ns/order over the batches of the stream, replayed back to back on new books."""
    books, times = Books(market(), n_accounts), []
    books.execute(stream[0])
    for batch in stream[1:]:
        begin = time.perf_counter_ns()
        books.execute(batch)
        times.append((time.perf_counter_ns() - begin) / len(batch))
    return float(np.median(times))


def sort_ns(stream: list[OrderBatch]) -> float:
    """Median ns/order of sorting the keys apart."""
    times = []
    for batch in stream[1:]:
        key = np.ascontiguousarray(batch["key"][batch["kind"] < Kind.CANCEL])
        begin = time.perf_counter_ns()
        by_key(key)
        times.append((time.perf_counter_ns() - begin) / len(batch))
    return float(np.median(times))


def naive_ns(stream: list[OrderBatch], n_accounts: int) -> float:
    """Median ns/order of the plain book on the same orders; its cancels carry its own ids."""
    books, plain, own, times = Books(market(), n_accounts), NaiveBooks([OPENING] * 4, [LADDER] * 4), {}, []
    for batch in stream[: NAIVE_BATCHES + 1]:
        translated, cancels = batch.copy(), batch["kind"] == Kind.CANCEL
        translated["ref"][cancels] = [own[ref] for ref in batch["ref"][cancels].tolist()]
        begin = time.perf_counter_ns()
        done = plain.execute(translated)
        times.append((time.perf_counter_ns() - begin) / len(batch))
        own.update(zip(books.execute(batch).order_id.tolist(), done.order_id, strict=True))
    return float(np.median(times[1:]))


def main() -> None:
    """Print the table."""
    print(f"{N_INSTRUMENTS} books of {LADDER} ticks, 15 % market, a third cancels; medians over batches; the sort is included")
    print(f"{'resting':>9} {'batch':>8} {'ns/order':>9} {'sort':>6} {'naive':>8} {'ratio':>6} {'fills/order':>12} {'held':>9}")
    for resting, n, n_batches in SIZES:
        stream, held, fills = recorded(resting, n, n_batches)
        n_accounts = max(2_000, resting)
        ns, sort = min(kernel_ns(stream, n_accounts) for _ in range(3)), sort_ns(stream)
        plain = naive_ns(stream, n_accounts) if resting <= NAIVE_RESTING else None
        versus = f"{'-':>8} {'-':>6}" if plain is None else f"{plain:8.0f} {plain / ns:6.0f}"
        print(f"{resting:9} {n:8} {ns:9.1f} {sort:6.1f} {versus} {fills:12.2f} {np.median(held):9.0f}")


if __name__ == "__main__":
    main()
