"""Dealers' gamma in a book of constant depth: volatility is multiplied by 1 / (1 + I G), I impact per lot, G gamma in lots.

News moves the price by r; hedges of gamma G sell G x (total move) and each lot moves the price by I, so the total move R
solves R = r - I G R. Negative G (written options) amplifies and diverges at I G = -1, positive G damps. Built of the
product's own dealers' rule and books, where a step of news is hedged to the end before the next one comes; the full model
has makers, a mark with memory and finite money in between, and only the sign is asked of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abm.agents.dealer import Dealers
from abm.behaviour.dealing import Dealing
from abm.market.book import Books
from abm.market.instrument import Instruments
from abm.market.order import Kind, orders
from abm.model import CascadeModel
from tests.behaviour.desk import traders, view
from tests.small_worlds import world

pytestmark = pytest.mark.slow

DEALER, WALL = 0, 1  # traders and their accounts
TICKS = 100_000  # at the opening: a tick is 0.1 bp
PER_TICK = 50  # lots on each tick of either side
NEWS = 30.0  # ticks, standard deviation: 3 bp, so that gamma stays what it was
REACH = 80  # ticks of book shown on either side


def listed() -> Instruments:
    one = np.ones(1, dtype=np.int64)
    return Instruments(("BTC",), 0 * one, 0 * one, np.ones(1), np.ones(1), one, TICKS * one, 2 * TICKS * one)


class ConstantDepth:
    """Books whose price moves by a tick whenever `PER_TICK` net lots are bought, wherever it is."""

    def __init__(self) -> None:
        self.books = Books(listed(), 2)
        self.level = TICKS * PER_TICK  # ticks x lots per tick

    @property
    def price(self) -> int:
        return int(self.level // PER_TICK)

    def show(self) -> None:
        """Renew the wall around the price; the first offer is what is left of its tick, the first bid what was bought."""
        used = self.level % PER_TICK
        away = np.arange(REACH)
        offered, bid = np.full(REACH, PER_TICK), np.full(REACH, PER_TICK)
        offered[0], bid[0] = PER_TICK - used, used
        lots = np.concatenate([offered, bid])
        tick = np.concatenate([self.price + 1 + away, self.price - away])
        side = np.repeat([1, -1], REACH) * -1
        cancel = orders(trader=WALL, account=WALL, instrument=0, side=1, lots=0, kind=Kind.CANCEL_ALL)
        self.books.execute(np.concatenate([cancel] if self.books.resting_lots().any() else [cancel[:0]]))
        wall = orders(trader=WALL, account=WALL, instrument=0, side=side, lots=lots, tick=tick)
        self.books.execute(wall[lots > 0])

    def trade(self, batch: Any) -> int:
        """Signed lots filled of one trader's orders; the price follows."""
        batch["account"] = batch["trader"]
        fills = self.books.execute(batch).fills
        bought = int((fills["side"].astype(np.int64) * fills["lots"]).sum())
        self.level += bought
        return bought


def multiplier(feedback: float, seed: int, days: int = 100) -> float:
    """Volatility of hedged over that of unhedged news at I G = `feedback`."""
    # I = 1 / (PER_TICK x TICKS) per lot as a share of price, G = 100 x lots per 1 %
    interest = 1e6
    lots_per_percent = abs(feedback) * PER_TICK * TICKS / 100
    rule = Dealing(
        count=1, gamma_share=lots_per_percent / interest, side="written" if feedback < 0 else "held",
        strikes_each_side=0, expiry_days=30.0, band=0.0, hedge_half_life=1.0, protection=0.01,
    )  # fmt: skip
    volatility = np.array([0.04])
    options = rule.options(listed().opening_tick, np.array([interest]), volatility)
    market, table, position = ConstantDepth(), traders(1, 1), 0
    news = np.rint(np.random.default_rng(seed).normal(0.0, NEWS, days)).astype(np.int64)
    closes = [market.price]
    for move in news:
        market.level += int(move) * PER_TICK
        for _ in range(60):
            market.show()
            tick = np.array([market.price])
            seen = view(
                table, listed(), mark=tick, last=tick, bid=market.books.best_bid, ask=market.books.best_ask,
                position=[[position]], step_seconds=1.0,
            )  # fmt: skip
            batch = rule.decide(seen, np.array([DEALER]), options, volatility)
            if not len(batch):
                break
            position += market.trade(batch)
        closes.append(market.price)
    return float(np.diff(closes).std() / news.std())


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [(-0.4, 1.667), (-0.2, 1.25), (0.0, 1.0), (0.5, 0.667), (1.0, 0.5)],  # 1 / (1 + I G)
)
def test_volatility_is_multiplied_by_one_over_one_plus_impact_times_gamma(feedback: float, expected: float) -> None:
    # the same news with and without hedges: what is left is whole ticks (30 a move) and gamma that drifts with the price
    found = np.array([multiplier(feedback, seed) for seed in range(3)])
    assert found.mean() == pytest.approx(expected, rel=0.02)


def test_gamma_that_eats_the_book_runs_away() -> None:
    # at I G = -1.2 every hedge calls for a larger one, until the test has had enough
    assert multiplier(-1.2, 0, days=3) > 5.0


def roughness(gamma_share: float, side: str, seed: int) -> float:
    """Standard deviation of one-minute moves of the marks in half an hour of the full model, without a shock."""
    dealers = {"count": 2, "capital_share": 0.1, "gamma_share": gamma_share, "side": side}
    scenario = world({"time.duration": 1_800.0, "world.shocks": [], "population.dealers": dealers})
    model = CascadeModel(scenario=scenario, rng=seed)
    mark = model.run().per_instrument["mark"].astype(float)
    assert isinstance(model.dealers, Dealers)
    model.forget()
    return float(np.diff(np.log(mark[::12]), axis=0).std())


def test_written_gamma_raises_realised_volatility_in_the_full_model() -> None:
    # makers show 1 % of open interest within 1 %: half of that is I G of about -0.5 if nobody else provides depth
    calm = [roughness(0.0, "written", seed) for seed in range(4)]
    short = [roughness(0.005, "written", seed) for seed in range(4)]
    assert all(b > a for a, b in zip(calm, short, strict=True))
    assert np.mean(short) > 1.2 * np.mean(calm)
