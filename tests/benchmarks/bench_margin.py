"""Seconds of the ledger: margin check against naive numpy, settlement per fill, admission per order.

Run from the root of the project: python tests/benchmarks/bench_margin.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from abm.clearing.admission import Backing, Reserve, admit  # noqa: E402
from abm.clearing.ledger import FeeSchedule, Ledger  # noqa: E402
from abm.clearing.margin.tiered import Bracket, Tiered  # noqa: E402
from abm.kernels.margin import Brackets, initial_margin, revalue  # noqa: E402
from abm.market.instrument import Instruments  # noqa: E402
from abm.market.order import FILL, orders  # noqa: E402

N_ACCOUNTS, N_INSTRUMENTS, N_ORDERS = 100_000, 8, 100_000
CASH_UNITS = 1_000  # per USD
PRICE = 100_000  # cash units per lot: 100 USD
TIERS = ((0, 0.01, 0.004), (50_000, 0.02, 0.01), (1_000_000, 0.1, 0.05))  # floor in USD, initial, maintenance
DEEP = (*TIERS, (5_000_000, 0.15, 0.07), (10_000_000, 0.2, 0.1), (50_000_000, 0.5, 0.25))


def median_ms(call: Callable[[], object], repeats: int = 60, prepare: Callable[[], object] = lambda: None) -> float:
    """Median milliseconds of `call` after two warm ones; `prepare` is not timed."""
    times = []
    for _ in range(repeats + 2):
        prepare()
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return 1e3 * float(np.median(times[2:]))


def instruments() -> Instruments:
    one = np.ones(N_INSTRUMENTS)
    return Instruments(
        names=tuple(f"A{j}" for j in range(N_INSTRUMENTS)),
        asset=np.arange(N_INSTRUMENTS),
        venue=np.zeros(N_INSTRUMENTS, dtype=np.int64),
        tick_size=one,
        lot_size=one,
        unit=np.full(N_INSTRUMENTS, PRICE // 10_000),
        opening_tick=np.full(N_INSTRUMENTS, 10_000),
        ladder_ticks=np.full(N_INSTRUMENTS, 40_000),
    )


def crowd(rng: np.random.Generator) -> Ledger:
    """Accounts with Pareto(1.4) positions: about one leg in twelve lies beyond 50,000 USD; the last account balances."""
    lots = (rng.pareto(1.4, (N_ACCOUNTS, N_INSTRUMENTS)) * 100).clip(0, 1e6).astype(np.int64)
    lots *= rng.choice([-1, 1], lots.shape)
    lots[-1] -= lots.sum(axis=0)
    return Ledger.open(instruments(), rng.integers(0, 10**10, N_ACCOUNTS), position=lots)


def tables(tiers: tuple[tuple[float, float, float], ...]) -> Brackets:
    ladder = tuple(Bracket(floor=f, initial_rate=i, maintenance_rate=m) for f, i, m in tiers)
    names = [f"A{j}" for j in range(N_INSTRUMENTS)]
    return Tiered(brackets=dict.fromkeys(names, ladder)).tables(names, max_leverage=10, cash_units=CASH_UNITS)


def naive_check(ledger: Ledger, price: np.ndarray, brackets: Brackets) -> tuple[np.ndarray, np.ndarray]:
    """Equity and maintenance margin as one would write them in numpy."""
    value = ledger.position * price
    notional = np.abs(value)
    place = sum((notional >= brackets.floor[0, :, k]).astype(np.int64) for k in range(1, brackets.floor.shape[2]))
    columns = np.arange(N_INSTRUMENTS)
    margin = np.rint(brackets.maintenance_rate[0][columns, place] * notional - brackets.maintenance_amount[0][columns, place])
    return ledger.cash[:, 0] + value.sum(axis=1), margin.sum(axis=1).astype(np.int64)


def bench_check(ledger: Ledger) -> None:
    price, rule = np.full(N_INSTRUMENTS, PRICE), np.zeros(N_ACCOUNTS, dtype=np.int64)
    one = tables(TIERS[:1])
    for brackets in (one, tables(TIERS), tables(DEEP)):
        name = f"{np.isfinite(brackets.floor[0, 0]).sum()} brackets"
        arguments = (ledger.cash, ledger.position, ledger.cost, price, rule, brackets)
        equity, maintenance = naive_check(ledger, price, brackets)
        worth = revalue(*arguments)
        if not (np.array_equal(equity, worth.equity) and np.array_equal(maintenance, worth.maintenance)):
            raise SystemExit("kernel and numpy disagree")
        fast = median_ms(lambda arguments=arguments: revalue(*arguments))
        slow = median_ms(lambda brackets=brackets: naive_check(ledger, price, brackets), 7)
        print(f"margin check, {name:10s}  {fast:8.3f} ms   numpy {slow:8.2f} ms   ratio {slow / fast:6.1f}")
    half = one._replace(gains_share=np.array([0.5]))
    shared = median_ms(lambda: revalue(ledger.cash, ledger.position, ledger.cost, price, rule, half))
    print(f"margin check, half of gains {shared:5.3f} ms")
    tiers = tables(TIERS)
    print(f"initial margin            {median_ms(lambda: initial_margin(ledger.position, price, rule, tiers)):7.3f} ms")


def bench_settle(ledger: Ledger, rng: np.random.Generator) -> None:
    fills = np.zeros(N_ORDERS, dtype=FILL)
    fills["taker"], fills["maker"] = rng.integers(0, N_ACCOUNTS, (2, N_ORDERS))
    fills["instrument"] = np.sort(rng.integers(0, N_INSTRUMENTS, N_ORDERS))  # books are matched one after the other
    fills["lots"], fills["tick"] = rng.integers(1, 20, N_ORDERS), rng.integers(9_900, 10_100, N_ORDERS)
    fills["side"] = rng.choice([-1, 1], N_ORDERS)
    fees = FeeSchedule.flat(N_INSTRUMENTS, taker=5e-4, maker=1e-4, liquidation=5e-3, fee_account=0, fund_account=1)
    took = median_ms(lambda: ledger.settle(fills, fees), 20)
    print(f"settle                    {1e6 * took / N_ORDERS:7.1f} ns/fill")
    ledger.assert_conserved()


def bench_admit(ledger: Ledger, rng: np.random.Generator) -> None:
    backing = Backing(np.repeat(np.arange(N_ACCOUNTS)[:, None], N_INSTRUMENTS, axis=1), np.full(N_ACCOUNTS, -1))
    none = np.zeros((N_ACCOUNTS, N_INSTRUMENTS), dtype=np.int64, order="F")
    reserve = Reserve(np.full(N_INSTRUMENTS, PRICE), np.zeros(N_ACCOUNTS, dtype=np.int64), tables(TIERS), none, none)
    random, each = rng.integers(0, N_ACCOUNTS, N_ORDERS), np.arange(N_ORDERS) % N_ACCOUNTS
    cases = (("random", random, 20), ("one each", each, 20), ("poor", random, 100_000))
    for name, rows, most in cases:
        batch = orders(
            trader=rows,
            instrument=rng.integers(0, N_INSTRUMENTS, N_ORDERS),
            side=rng.choice([-1, 1], N_ORDERS),
            lots=rng.integers(1, most, N_ORDERS),
            tick=10_000,
            key=rng.integers(0, 2**63, N_ORDERS),
        )
        took = median_ms(lambda batch=batch: admit(batch, ledger, backing, reserve), 20)
        admitted = (admit(batch, ledger, backing, reserve).outcome == 0).mean()
        print(f"admit, {name:10s}         {1e6 * took / N_ORDERS:7.1f} ns/order   ({admitted:.0%} admitted)")


if __name__ == "__main__":
    draws = np.random.default_rng(1)
    accounts = crowd(draws)
    bench_check(accounts)
    bench_admit(accounts, draws)
    bench_settle(accounts, draws)
