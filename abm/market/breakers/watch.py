"""What circuit breakers are told, what they answer, and the prices of a rolling window."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from abm.market.instrument import Instruments

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Terms:
    """What breakers are told about the market at its opening."""

    instruments: Instruments
    interest: Floats  # (n_instruments,), one-sided open interest, cash units
    step_seconds: float

    def steps(self, seconds: float) -> int:
        """Whole steps that last at least `seconds`."""
        return ceil(round(seconds / self.step_seconds, 9))

    def ladder(self) -> Ints:
        """Bands that bind nobody, (n_instruments, 2): the first and last tick that may be quoted."""
        return np.column_stack([np.ones(len(self.instruments), dtype=np.int64), self.instruments.ladder_ticks - 1])


class Quotes(NamedTuple):
    """The books as a step left them, each (n_instruments,) ticks; a quote is 0 where the side is empty."""

    bid: Ints
    ask: Ints
    last: Ints

    def middle(self) -> Ints:
        """Mid, rounded down; the last trade where a side is empty."""
        return np.where((self.bid > 0) & (self.ask > 0), (self.bid + self.ask) // 2, self.last)


class Watch(Protocol):
    """A breaker at work. All rows are watched; the supervisor takes those of its venue."""

    reprices: bool  # orders beyond a band are moved to it instead of refused
    bands: Ints  # (n_instruments, 2), lowest and highest tick of the next step

    def advance(self, quotes: Quotes, closed: Bools) -> Ints:
        """A step has ended in which the books `closed` (n_instruments,) were halted: steps of the halt that begins now,
        (n_instruments,), 0 where none does."""


class Window:
    """Prices of the last `steps` steps, in ticks, 0 where there was none; it opens on the prices `first` (n_instruments,)."""

    def __init__(self, first: Ints, steps: int) -> None:
        self._ticks = np.zeros((steps, len(first)), dtype=np.int64)
        self._now = 0
        self._ticks[0] = first

    def add(self, ticks: Ints) -> None:
        """One more step (n_instruments,); the oldest is forgotten."""
        self._now = (self._now + 1) % len(self._ticks)
        self._ticks[self._now] = ticks

    def restart(self, rows: Bools, first: Ints) -> None:
        """Forget all prices of `rows` (n_instruments,) but `first` (n_instruments,), 0 for none."""
        self._ticks[:, rows] = 0
        self._ticks[self._now, rows] = first[rows]

    @property
    def mean(self) -> Floats:
        """(n_instruments,), 0 where there is no price."""
        return np.asarray(self._ticks.sum(axis=0) / np.maximum(np.count_nonzero(self._ticks, axis=0), 1))

    @property
    def high(self) -> Ints:
        """(n_instruments,), 0 where there is no price."""
        return np.asarray(self._ticks.max(axis=0))

    @property
    def low(self) -> Ints:
        """(n_instruments,), 0 where there is no price."""
        most = np.iinfo(np.int64).max
        lowest = np.where(self._ticks > 0, self._ticks, most).min(axis=0)
        return np.where(lowest == most, 0, lowest)


def touched(quotes: Quotes, bands: Ints) -> Bools:
    """(n_instruments,), an offer rests at the lower band or below, or a bid at the upper or above."""
    low, high = bands.T
    return np.asarray(((quotes.ask > 0) & (quotes.ask <= low)) | (quotes.bid >= high))


def around(low: Floats, high: Floats, ladder: Ints) -> Ints:
    """Bands (n_instruments, 2) from `low` to `high` (n_instruments,), rounded to ticks and cut at the `ladder`."""
    bands = np.rint(np.column_stack([low, high])).astype(np.int64)
    return np.clip(bands, ladder[:, :1], ladder[:, 1:])
