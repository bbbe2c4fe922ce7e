"""Daniels, Farmer, Gillemot, Iori & Smith 2003 (Phys. Rev. Lett. 90:108102) and Smith, Farmer, Gillemot & Krishnamurthy 2003
(Quantitative Finance 3:481): the spread of a book of random unit orders, in our books.

Per side: market orders at rate m, limit orders at rate a per unit of price, on every price short of the best opposite one;
each resting order is cancelled at rate delta. Price is measured in m / a, so one number is left, delta / m. The books are
the product's own; the flow is drawn here, event by event, because that of `abm.behaviour.zero_intelligence` has purses, sizes
and a law of prices around the mid.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from abm.market.book import Books
from abm.market.order import Kind, orders
from tests.market.test_book import listed

Ints = NDArray[np.int64]

TICK = 0.01  # in m / a
REACH = 500  # ticks from the best opposite price to which limit orders go: ten mean spreads
LADDER = 1 << 15
BOOKS, PLACES = 400, 4096  # books at once, and resting orders that each may have
RATIOS = np.array([0.005, 0.02, 0.05, 0.1, 0.2])  # delta / m


class Crowd:
    """`BOOKS` books with the same law, one event in each per call; a place is an account and holds at most one unit order."""

    def __init__(self, ratio: float) -> None:
        self.ratio, self.rng = ratio, np.random.default_rng(round(1e4 * ratio))
        self.books = Books(listed(BOOKS, LADDER, LADDER // 2), PLACES + 1)
        self.book = np.arange(BOOKS)
        self.place = np.tile(np.arange(PLACES), (BOOKS, 1))  # the first `resting` are taken, in any order
        self.where = self.place.copy()  # where in `place` a place stands
        self.resting = np.zeros(BOOKS, np.int64)
        for side in (-1, 1):  # begin near the density of far prices, a / delta orders per unit of price
            for tick in LADDER // 2 - side * np.flatnonzero(self.rng.random(REACH) < min(1.0, TICK / ratio)):
                self.send(self.book, np.full(BOOKS, side), np.full(BOOKS, Kind.LIMIT), np.full(BOOKS, tick - side))

    def send(self, book: Ints, side: Ints, kind: Ints, tick: Ints) -> None:
        """One order in each of `book` (k,): what rests takes a place, what trades or is cancelled gives one back."""
        rests, cancels = kind == Kind.LIMIT, kind == Kind.CANCEL_ALL
        free = self.place[book, self.resting[book]]
        drawn = self.place[book, (self.rng.random(len(book)) * self.resting[book]).astype(np.int64)]
        account = np.where(rests, free, np.where(cancels, drawn, PLACES))
        fills = self.books.execute(
            orders(trader=account, account=account, instrument=book, side=side, lots=1, kind=kind, tick=tick)
        ).fills
        self.resting[book[rests]] += 1
        gone = np.concatenate([book[cancels], fills["instrument"]])
        self.give_back(gone, np.concatenate([account[cancels], fills["maker"]]))

    def give_back(self, book: Ints, place: Ints) -> None:
        """The last taken place of each book moves to where the empty one stood."""
        self.resting[book] -= 1
        at, last = self.where[book, place], self.place[book, self.resting[book]]
        self.place[book, at], self.place[book, self.resting[book]] = last, place
        self.where[book, last], self.where[book, place] = at, self.resting[book]

    def event(self) -> tuple[Ints, NDArray[np.float64]]:
        """Spread (BOOKS,), ticks, and the mean time (BOOKS,), in 1 / m, for which it lasts; then the next event."""
        bid, ask = self.books.best_bid, self.books.best_ask
        limits, cancels = REACH * TICK, self.ratio * self.resting
        rate = 2.0 + 2.0 * limits + cancels
        u = self.rng.random(BOOKS) * rate
        side = np.where(self.rng.random(BOOKS) < 0.5, 1, -1)
        kind = np.where(u < 2.0, Kind.MARKET, np.where(u < 2.0 + 2.0 * limits, Kind.LIMIT, Kind.CANCEL_ALL))
        tick = np.where(side > 0, ask, bid) - side * self.rng.integers(1, REACH + 1, BOOKS)
        self.send(self.book, side, kind, tick)
        return ask - bid, 1.0 / rate


def spread(ratio: float, time: float) -> tuple[float, float]:
    """Mean spread over time in m / a, and its standard error from the means of the books, after a beginning of 3 / delta."""
    crowd = Crowd(ratio)
    begin, elapsed = 3.0 / ratio, 0.0
    total, weight = np.zeros(BOOKS), np.zeros(BOOKS)
    while elapsed < begin + time:
        ticks, lasts = crowd.event()
        elapsed += float(lasts.mean())
        if elapsed > begin:
            total += ticks * lasts
            weight += lasts
    assert 0 < crowd.books.best_bid.min() < crowd.books.best_ask.max() < LADDER - REACH
    found = TICK * total / weight
    return float(found.mean()), float(found.std(ddof=1) / np.sqrt(BOOKS))


@pytest.fixture(scope="module")
def spreads() -> NDArray[np.float64]:
    """Mean spreads at `RATIOS`, m / a; 400 books of 400 / m each: standard errors of 0.4 % and less."""
    measured = [spread(ratio, 400.0) for ratio in RATIOS]
    assert max(error / mean for mean, error in measured) < 0.004
    return np.array([mean for mean, _ in measured])


# An independent program on the same grid (tick 0.01 m / a), five points, each within 1.5 %: its own sampling error and ours.
@pytest.mark.slow
def test_mean_spread_at_five_cancellation_rates(spreads: NDArray[np.float64]) -> None:
    assert spreads == pytest.approx([0.454, 0.497, 0.553, 0.634, 0.765], rel=0.015)


# Smith et al. 2003: the mean spread is m / a times a function of delta / m that is affine in its power 3 / 4. Their printed
# coefficients are not compared, their convention of rates not being certain; those of the program above are 0.433 and 1.11.
# An error of 1.5 % of 0.6 in a point moves the slope by 0.009 / (0.10 sqrt 5) = 0.04 (0.10: deviation of the five powers)
# and the constant by 0.006; twice that.
@pytest.mark.slow
def test_spread_is_affine_in_the_power_three_quarters(spreads: NDArray[np.float64]) -> None:
    power = RATIOS**0.75
    slope, constant = np.polyfit(power, spreads, 1)
    assert constant == pytest.approx(0.433, abs=2 * 0.006)
    assert slope == pytest.approx(1.11, abs=2 * 0.04)
    assert misfit(0.75, spreads) < 0.005  # three standard errors of a point
    assert min(misfit(0.5, spreads), misfit(1.0, spreads)) > 0.010  # so that other powers would be told apart


def misfit(power: float, spreads: NDArray[np.float64]) -> float:
    """Largest distance of the points from the best line in (delta / m)^power, m / a."""
    x = RATIOS**power
    return float(np.abs(np.polyval(np.polyfit(x, spreads, 1), x) - spreads).max())
