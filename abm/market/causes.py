"""What moved the marks: the mark of every instrument as a sum over causes, kept beside the marks themselves."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from abm.market.mark import Marks, mid_of

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Cause(IntEnum):
    """What moves a price; from `len(Cause)` on, columns stand for single liquidations in the order they began."""

    OUTSIDE = 0  # the outside value, where it enters the index
    QUOTES = 1  # quotes placed, moved, taken away
    TRADES = 2  # trades that nobody was forced to
    UNWIND = 3  # keepers and funds work off what they took over
    FORCED = 4  # forced orders of liquidations beyond those told apart
    REST = 5  # rounding to ticks, caps of the index


class Causes:
    """Moves of mid and last trade, cause by cause, carried through index, basis and median to the mark.

    Every step of the mark's formula but the median is linear, and the median is one of its arguments: so the parts of each
    instrument's mark add up to its move since the opening. At most `most` liquidations are told apart.
    """

    def __init__(self, marks: Marks, *, most: int) -> None:
        self._marks, self._most = marks, most
        self._opening = marks.mark.astype(np.float64)
        n = len(self._opening)
        self._seen_mid, self._seen_last = self._opening.copy(), self._opening.copy()
        self._mid, self._last, self._basis = (np.zeros((n, len(Cause))) for _ in range(3))
        self.mark = np.zeros((n, len(Cause)))  # (n_instruments, n_causes), ticks since the opening

    @property
    def room(self) -> tuple[int, int]:
        """Instruments and columns."""
        return self._mid.shape[0], self._mid.shape[1]

    def column(self, liquidation: int) -> int:
        """The column of a liquidation, by its number."""
        return len(Cause) + liquidation if liquidation < self._most else int(Cause.FORCED)

    def make_room(self, liquidations: int) -> None:
        """Columns for so many liquidations."""
        missing = len(Cause) + min(liquidations, self._most) - self._mid.shape[1]
        if missing > 0:
            more = ((0, 0), (0, missing))
            self._mid, self._last, self._basis = (np.pad(part, more) for part in (self._mid, self._last, self._basis))

    def note(self, bid: Ints, ask: Ints, last: Ints, cause: Cause) -> None:
        """All that moved best quotes (0: none) and last trade since the previous call had one cause."""
        mid, traded = self._moves(bid, ask, last)
        self._mid[:, cause] += mid
        self._last[:, cause] += traded

    def note_forced(self, bid: Ints, ask: Ints, last: Ints, weight: Floats) -> None:
        """The moves since the previous call are shared by `weight` (n_instruments, n_causes), or quotes' where it is zero."""
        mid, traded = self._moves(bid, ask, last)
        total = weight.sum(axis=1)
        weight[total == 0, Cause.QUOTES] = total[total == 0] = 1.0
        share = weight / total[:, np.newaxis]
        self._mid += share * mid[:, np.newaxis]
        self._last += share * traded[:, np.newaxis]

    def advance(self) -> None:
        """Carry the causes to the marks that `Marks.advance` has just fixed."""
        marks = self._marks
        index = marks.mixed(self._mid)
        index[:, Cause.OUTSIDE] += (1.0 - marks.weight) * (marks.lagged - self._opening)
        index[:, Cause.REST] += marks.index - self._opening - index.sum(axis=1)
        gain = np.where(marks.closed, 0.0, marks.gain)
        self._basis += gain[:, np.newaxis] * (self._mid - index - self._basis)
        outside = np.zeros_like(index)
        outside[:, Cause.OUTSIDE] = marks.lagged - self._opening
        choices = np.stack([index, index + self._basis, self._last, outside])
        moved = choices[marks.chosen, np.arange(len(index))]
        before = np.pad(self.mark, ((0, 0), (0, moved.shape[1] - self.mark.shape[1])))
        self.mark = np.where(marks.frozen[:, np.newaxis], before, moved)
        self.mark[:, Cause.REST] += marks.mark - self._opening - self.mark.sum(axis=1)

    def _moves(self, bid: Ints, ask: Ints, last: Ints) -> tuple[Floats, Floats]:
        mid, last_ = mid_of(bid, ask, last), last.astype(np.float64)
        moves = mid - self._seen_mid, last_ - self._seen_last
        self._seen_mid, self._seen_last = mid, last_
        return moves
