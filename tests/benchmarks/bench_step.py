"""Whole steps with every trader deciding, beside a plain Mesa loop of one object per trader.

Run from the root of the project: python tests/benchmarks/bench_step.py [traders ...]
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from time import process_time

import mesa
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from abm import CascadeModel, Scenario  # noqa: E402
from tests.naive import NaiveBook, NaiveOrder  # noqa: E402

SIZES = {100_000: 60, 1_000_000: 15}  # traders: steps timed
PLAIN_TRADERS, PLAIN_STEPS = 100_000, 5
WARM_STEPS = 10  # until about as many orders are filled and cancelled as come to rest
OTHERS = ("crowd", "pairs", "hedgers", "value", "trend")  # groups that are left out
SHARES = {"market": 0.25, "limit": 0.5, "cancel": 0.25}  # of decisions, as in the baseline
OPENING, LADDER, INSTRUMENTS = 10_000, 40_000, 4
OFFSET, OFFSET_MAX, PROTECTION, LIMIT = 0.0006, 0.05, 0.02, 100  # of the plain traders, as in the baseline; lots


def crowd(n: int) -> Scenario:
    """The baseline's market and makers with `n` cross-margined zero-intelligence traders who all act in every step of 5 s."""
    baseline = Scenario.load("experiments/baseline.toml")
    size = n / baseline.population.liquidity.count
    rates = {f"population.liquidity.{kind}_per_hour": share * 800.0 for kind, share in SHARES.items()}  # 1.1 a step
    interest = {f"assets.{asset.name}.open_interest": asset.open_interest * size for asset in baseline.assets}
    nobody = {f"population.{name}.count": 0 for name in OTHERS}
    return baseline.with_(
        {"population.liquidity.count": n, "population.cross_share": 1.0, "world.shocks": []} | rates | interest | nobody
    )


class PlainTrader(mesa.Agent):
    """The same decision as an object: own cash, own positions, own resting orders, one order at a time."""

    def __init__(self, model: PlainModel) -> None:
        super().__init__(model)
        self.cash = 0
        self.position = [0] * INSTRUMENTS
        self.resting: list[NaiveOrder | None] = [None] * INSTRUMENTS

    def step(self) -> None:
        rng, i = self.model.random, self.model.random.randrange(INSTRUMENTS)
        book, event = self.model.books[i], rng.random()
        self.cancel(book, i)
        if event >= SHARES["market"] + SHARES["limit"]:
            return
        side = 1 if rng.random() < 0.5 * (1 - self.position[i] / LIMIT) else -1
        lots = min(max(int(0.1 * LIMIT / (1 - rng.random()) ** 0.5), 1), LIMIT - side * self.position[i])
        if lots <= 0:
            return
        bid, ask = book.best(1), book.best(-1)
        middle = 0.5 * (bid + ask) if bid and ask else book.last
        u = rng.random()
        away = -PROTECTION if event < SHARES["market"] else min(OFFSET * u / (1 - u), OFFSET_MAX)
        tick = min(max(int(middle * (1 - side * away)), 1), LADDER - 1)
        left = self.take(book, i, side, lots, tick)
        if left and event >= SHARES["market"]:
            self.resting[i] = NaiveOrder(0, self.unique_id, self.unique_id, side, tick, left, 0)
            book.add(self.resting[i])

    def cancel(self, book: NaiveBook, i: int) -> None:
        if self.resting[i]:
            book.remove(self.resting[i])
            self.resting[i] = None

    def take(self, book: NaiveBook, i: int, side: int, lots: int, limit: int) -> int:
        """Trade against the best resting orders up to `limit`; the lots left."""
        while lots and (tick := book.best(-side)) and (limit - tick) * side >= 0:
            order = book.queues[-side][tick][0]
            maker, traded = self.model.traders[order.trader], min(lots, order.lots)
            for trader, way in ((self, side), (maker, -side)):
                trader.cash -= way * traded * tick
                trader.position[i] += way * traded
            lots -= traded
            order.lots -= traded
            if not order.lots:
                maker.cancel(book, i)
        return lots


class PlainModel(mesa.Model):
    """Traders in random order around plain books; no margin, fees or records, so it does less than a step of ours."""

    def __init__(self, n: int, seed: int) -> None:
        super().__init__(rng=seed)
        self.books = [NaiveBook(OPENING, LADDER) for _ in range(INSTRUMENTS)]
        self.traders = {trader.unique_id: trader for trader in PlainTrader.create_agents(self, n)}

    def step(self) -> None:
        self.agents.shuffle_do("step")


def seconds(model: mesa.Model, steps: int) -> float:
    """Median processor seconds of a step once the books are full; one process, one thread."""
    times = []
    gc.collect()
    gc.freeze()  # what was opened stays
    for _ in range(WARM_STEPS + steps):
        begin = process_time()
        model.step()
        times.append(process_time() - begin)
    return float(np.median(times[WARM_STEPS:]))


def main(sizes: dict[int, int]) -> None:
    """Print the table."""
    print("all traders decide in every step, 4 instruments; medians over steps; processor time of one process")
    print(f"{'':22} {'traders':>9} {'ms/step':>9} {'ns/trader-step':>15} {'M trader-steps/s':>17} {'ratio':>6}")
    plain = seconds(PlainModel(PLAIN_TRADERS, 1), PLAIN_STEPS) / PLAIN_TRADERS
    line("one object per trader", PLAIN_TRADERS, plain, plain)
    for n, steps in sizes.items():
        line("cascade-abm", n, seconds(CascadeModel(scenario=crowd(n), rng=1), steps) / n, plain)


def line(name: str, n: int, each: float, plain: float) -> None:
    """A line of the table: `each` and `plain` are seconds per trader and step."""
    print(f"{name:22} {n:9} {1e3 * n * each:9.1f} {1e9 * each:15.0f} {1e-6 / each:17.2f} {plain / each:6.1f}", flush=True)


if __name__ == "__main__":
    main({int(n): SIZES.get(int(n), 15) for n in sys.argv[1:]} or SIZES)
