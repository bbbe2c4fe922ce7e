"""What the books and prices of the baseline look like when nothing happens, to hold against recorded markets.

`python experiments/calm.py` prints one table; what real markets show beside it is in `experiments/README.md`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import click
import numpy as np
from numpy.typing import NDArray

from abm.measures.stylised import daily_volatility, log_returns
from abm.model import CascadeModel
from abm.scenario import Scenario
from abm.twins import pool

Floats = NDArray[np.float64]
NEAR, WIDE = 0.001, 0.01  # 10 bp, 1 %
TRADE = 0.1  # of the bids within 10 bp
PAIRS = (("BTC", "ETH"), ("BTC", "SOL"), ("ETH", "SOL"))


@dataclass(frozen=True)
class Calm:
    """One calm run after its burn-in; every second axis is the instruments."""

    minute: Floats  # (n_minutes + 1, n), mid price, ticks
    value: Floats  # (n_minutes + 1, n), outside value, ticks
    spread: Floats  # (n_minutes + 1, n), bp
    near: Floats  # (n_minutes + 1, n), bids within 10 bp over those within 1 %
    wide: Floats  # (n_minutes + 1, n), bids within 1 % over one-sided open interest
    impact: Floats  # (n_minutes + 1, n), bp by which a sale of `TRADE` moves the mid, at once


def observe(seed: int, hours: float) -> Calm:
    """Run the baseline without its shock for some hours and look at it once a minute."""
    scenario = Scenario.load("baseline").with_({"world.shocks": [], "time.duration": 3600.0 * hours})
    model = CascadeModel(scenario=scenario, rng=seed)
    every, looks = round(60.0 / model.step_seconds), []
    while model.tick < scenario.time.steps:
        model.step()
        if model.tick * model.step_seconds >= scenario.time.burn_in and model.tick % every == 0:
            looks.append(look(model))
    return Calm(*(np.array(column) for column in zip(*looks, strict=True)))


def look(model: CascadeModel) -> tuple[Floats, ...]:
    """The columns of `Calm` now."""
    books = model.books
    bid, ask = books.best_bid.astype(np.float64), books.best_ask.astype(np.float64)
    mid = (bid + ask) / 2
    near, wide = (books.depth(mid.astype(np.int64), reach)[:, 0] for reach in (NEAR, WIDE))
    after = np.array([best_after(books.depth_profile(400)[i, 0], TRADE * near[i]) for i in range(len(mid))])
    interest = np.array([asset.open_interest / (asset.price * asset.lot) for asset in model.scenario.assets])  # lots
    return mid, model.value.copy(), 1e4 * (ask - bid) / mid, near / wide, wide / interest, 1e4 * after / 2 / mid


def best_after(bids: NDArray[np.int64], lots: float) -> int:
    """Ticks by which the best bid is lower once `lots` are sold into `bids` (lots at the best bid and tick by tick below)."""
    left = np.cumsum(bids) > lots
    return int(np.argmax(left))


def lines(runs: list[Calm], names: tuple[str, ...]) -> list[list[str]]:
    """The table: measure, then one cell per asset; correlations below."""
    mids, values = [run.minute for run in runs], [run.value for run in runs]

    def median(column: str, scale: float = 1.0) -> Floats:
        found: Floats = scale * np.median(np.concatenate([getattr(run, column) for run in runs]), axis=0)
        return found

    rows = {
        "quoted spread, bp": median("spread"),
        "bids within 1 %, % of open interest": median("wide", 100),
        "bids within 10 bp, % of those within 1 %": median("near", 100),
        f"fall of the mid when {TRADE:.0%} of the bids within 10 bp are sold, bp": median("impact"),
        "volatility of minutes, % per day": daily_volatility(mids, 1),
        "  of the outside value's minutes": daily_volatility(values, 1),
        "volatility of hours, % per day": daily_volatility(mids, 60),
        "  of the outside value's hours": daily_volatility(values, 60),
    }
    table = [["", *names], *([name, *(f"{x:.3g}" for x in row)] for name, row in rows.items())]
    for minutes, label in ((1, "minutes"), (60, "hours")):
        rho = np.corrcoef(np.concatenate([log_returns(run, minutes) for run in mids]).T)
        told = ", ".join(f"{a}-{b} {rho[names.index(a), names.index(b)]:.2f}" for a, b in PAIRS)
        table.append([f"correlation of {label}", told])
    return table


@click.command()
@click.option("--seeds", type=click.IntRange(1), default=12, show_default=True, help="Seeds 0 to N-1.")
@click.option("--hours", type=click.FloatRange(2.0), default=2.0, show_default=True, help="Length of each run.")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Processes.")
def main(seeds: int, hours: float, jobs: int) -> None:
    """Print the calm moments of the baseline."""
    names = tuple(asset.name for asset in Scenario.load("baseline").assets)
    with pool(jobs) as workers:
        runs = list(workers.map(observe, range(seeds), [hours] * seeds))
    for line in lines(runs, names):
        click.echo(f"| {' | '.join(line)} |")


if __name__ == "__main__":
    sys.exit(main())
