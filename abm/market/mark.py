"""Index and mark: the prices at which clearing houses value positions, never simply the last trade."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

from abm.market.instrument import Instruments
from abm.record import Record, param

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

OUTLIER = 0.05  # a venue's mid counts no further than this from the median of the venues (from three venues on)
MANY = 3


class Marking(Record):
    """mark = median(index, index + EMA(mid - index), last), index = w x mids of the venues + (1 - w) x outside value.

    `book_weight` w decides how much feedback exists: with 0 the mark is the outside value alone. After the mark price of
    Binance (support page 360033525071), whose index is made of other venues' books.
    """

    book_weight: float = param(
        0.9,
        unit="share of the index",
        source="choice of regime, swept: the simulated books stand for most of the market",
        help="Weight w of the simulated books in the index.",
        ge=0,
        le=1,
    )
    basis_half_life: float = param(
        30.0,
        unit="s",
        source="choice; Binance averages the basis over 2.5 min",
        help="Half-life of the average of mid less index.",
        gt=0,
    )
    outside_lag: float = param(
        5.0,
        unit="s",
        source="choice; oracle lags of venues: 0 to 3 s on chain, up to 60 s elsewhere",
        help="Age of the outside value when it enters the index.",
        ge=0,
    )


class Marks:
    """Index and mark of every instrument, advanced once a step from the books as the previous step left them."""

    def __init__(
        self, instruments: Instruments, rules: Sequence[Marking], step_seconds: float, *, sources: Sequence[str] = ()
    ) -> None:
        """`rules` one per venue; `sources` one per instrument: "book", or for tokens "index" or "redemption"."""
        self._by_index = np.flatnonzero([source == "index" for source in sources])
        self._by_value = np.flatnonzero([source == "redemption" for source in sources])
        self._instruments = instruments
        venue = instruments.venue
        self.weight = np.array([rule.book_weight for rule in rules])[venue]  # (n_instruments,), of the books in the index
        self.gain = np.array([1.0 - 2.0 ** (-step_seconds / rule.basis_half_life) for rule in rules])[venue]
        self._lag = np.array([ceil(round(rule.outside_lag / step_seconds, 9)) for rule in rules])[venue]  # steps
        self._peers = [np.flatnonzero(instruments.asset == asset) for asset in instruments.asset]
        opening = instruments.opening_tick.astype(np.float64)
        self._outside: deque[Floats] = deque([opening] * (int(self._lag.max()) + 1), maxlen=int(self._lag.max()) + 1)
        self._mid = opening.copy()
        self._basis = np.zeros(len(instruments))
        self.closed = self.frozen = np.zeros(len(instruments), dtype=np.bool_)
        self.index: Floats = opening.copy()  # (n_instruments,), ticks
        self.mark: Ints = instruments.opening_tick.copy()  # (n_instruments,), ticks: what positions and tokens count at
        self.trading: Ints = self.mark  # (n_instruments,), ticks: the mark by the books, wherever tokens count at another price
        self.lagged: Floats = opening.copy()  # (n_instruments,), outside value in the index, ticks
        self.chosen: Ints = np.zeros(len(instruments), dtype=np.int64)  # the mark: 0 index, 1 index + basis, 2 last, 3 value

    def hold(self, closed: NDArray[np.bool_], frozen: NDArray[np.bool_]) -> None:
        """From now on the books `closed` (n_instruments,) add nothing new to index and basis, and what is `frozen` keeps
        its index and mark."""
        self.closed, self.frozen = closed, frozen

    def advance(self, bid: Ints, ask: Ints, last: Ints, outside: Floats) -> None:
        """New index and mark from best quotes and last trades (0 where a side is empty) and the outside value, in ticks.

        With an empty side the last trade stands for the mid, so that a one-sided collapse is marked; before the first
        trade `last` is the opening price.
        """
        self._outside.append(outside)
        self.lagged = np.array([self._outside[-1 - lag][i] for i, lag in enumerate(self._lag)])
        self._mid = np.where(self.closed, self._mid, mid_of(bid, ask, last))
        index = self.weight * self._of_the_books() + (1.0 - self.weight) * self.lagged
        self.index = np.where(self.frozen, self.index, index)
        self._basis += np.where(self.closed, 0.0, self.gain * (self._mid - self.index - self._basis))
        prices = np.stack([self.index, self.index + self._basis, last.astype(np.float64), self.lagged])
        self.chosen = np.where(self.weight > 0.0, np.argsort(prices[:3], axis=0, kind="stable")[1], 0)
        self.trading = np.where(self.frozen, self.trading, self._on_ladder(prices))
        self.chosen[self._by_index], self.chosen[self._by_value] = 0, 3
        self.mark = np.where(self.frozen, self.mark, self._on_ladder(prices))

    def mixed(self, mid: Floats) -> Floats:
        """Parts of the index that come from the books, from parts of their mids (n_instruments, n_parts), ticks, both; the
        cap on a venue that strays is left out."""
        tick = self._instruments.tick_size
        mean = [(mid[peers] * tick[peers, np.newaxis]).mean(axis=0) / tick[i] for i, peers in enumerate(self._peers)]
        return np.asarray(self.weight[:, np.newaxis] * np.stack(mean))

    def _on_ladder(self, prices: Floats) -> Ints:
        """The chosen of `prices` (4, n_instruments) in whole ticks, the nearest end of the ladder where it lies outside."""
        price = prices[self.chosen, np.arange(len(self.chosen))]
        return np.clip(np.rint(price), 1.0, self._instruments.ladder_ticks - 1.0).astype(np.int64)

    def _of_the_books(self) -> Floats:
        """Each asset's mid over the venues that trade it, in ticks of each instrument: the mean of one or two, from three
        on the mean of mids capped at `OUTLIER` around their median."""
        tick = self._instruments.tick_size
        combined = np.empty_like(self._mid)
        for i, peers in enumerate(self._peers):
            prices = self._mid[peers] * tick[peers]
            if len(peers) >= MANY:
                middle = float(np.median(prices))
                prices = np.clip(prices, middle * (1.0 - OUTLIER), middle * (1.0 + OUTLIER))
            combined[i] = self._mid[i] if len(peers) == 1 else prices.mean() / tick[i]
        return combined


def mid_of(bid: Ints, ask: Ints, last: Ints) -> Floats:
    """Mid of best quotes (n,), ticks; the last trade where a side is empty (0)."""
    return np.where((bid > 0) & (ask > 0), 0.5 * (bid + ask), last).astype(np.float64)
