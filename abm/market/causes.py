"""What moved the marks: the mark of every instrument as a sum over causes, kept beside the marks themselves."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from abm.market.mark import Marks, mid_of

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SPARE = 64  # columns for which there is room from the beginning
BASIS, LAST = 1, 2  # what the median chose: index, index and basis, last trade, outside value


class Cause(IntEnum):
    """What moves a price; from `len(Cause)` on, columns stand for single liquidations in the order they began."""

    OUTSIDE = 0  # the outside value, where it enters the index
    QUOTES = 1  # quotes placed, moved, taken away
    TRADES = 2  # trades that nobody was forced to
    UNWIND = 3  # keepers and funds work off what they took over
    FORCED = 4  # forced orders of liquidations beyond those told apart
    REST = 5  # rounding to ticks, caps of the index
    STOPS = 6  # stop orders that went off, traders who gave up


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
        self._mix = marks.mixed(np.eye(n))  # (n_instruments, n_instruments), of the index from mids
        self._store = np.zeros((3, n, len(Cause) + SPARE))  # mid, last trade, basis; columns not yet in use are zero
        self._used = len(Cause)
        self.mark = np.zeros((n, len(Cause)))  # (n_instruments, n_causes), ticks since the opening

    @property
    def room(self) -> tuple[int, int]:
        """Instruments and columns."""
        return len(self._opening), self._used

    def column(self, liquidation: int) -> int:
        """The column of a liquidation, by its number."""
        return len(Cause) + liquidation if liquidation < self._most else int(Cause.FORCED)

    def make_room(self, liquidations: int) -> None:
        """Columns for so many liquidations."""
        self._used = max(self._used, len(Cause) + min(liquidations, self._most))
        if self._used > self._store.shape[2]:
            larger = np.zeros((*self._store.shape[:2], 2 * self._used))
            larger[:, :, : self._store.shape[2]] = self._store
            self._store = larger

    @property
    def _parts(self) -> Floats:
        """Mid, last trade and basis, (3, n_instruments, n_causes): a view."""
        return self._store[:, :, : self._used]

    def note(self, bid: Ints, ask: Ints, last: Ints, cause: Cause) -> None:
        """All that moved best quotes (0: none) and last trade since the previous call had one cause."""
        mid, traded = self._moves(bid, ask, last)
        self._store[0, :, cause] += mid
        self._store[1, :, cause] += traded

    def note_forced(self, bid: Ints, ask: Ints, last: Ints, weight: Floats) -> None:
        """The moves since the previous call are shared by `weight` (n_instruments, n_causes), or quotes' where it is zero."""
        mid, traded = self._moves(bid, ask, last)
        share = _shares(weight, rest=Cause.QUOTES)
        parts = self._parts
        parts[0] += share * mid[:, np.newaxis]
        parts[1] += share * traded[:, np.newaxis]

    def note_mingled(self, bid: Ints, ask: Ints, last: Ints, *, sold: Floats, bought: Floats) -> None:
        """The moves since the previous call, down, are shared by what was `sold` (n_instruments, n_causes) into the books, up,
        by what was `bought`; where that is nothing trades have moved them."""
        parts = self._parts
        for row, move in enumerate(self._moves(bid, ask, last)):
            share = _shares(np.where(move[:, np.newaxis] < 0, sold, bought), rest=Cause.TRADES)
            parts[row] += share * move[:, np.newaxis]

    def advance(self) -> None:
        """Carry the causes to the marks that `Marks.advance` has just fixed."""
        marks, (mid, last, basis) = self._marks, self._parts
        moved = self._mix @ mid
        outside = marks.lagged - self._opening
        moved[:, Cause.OUTSIDE] += (1.0 - marks.weight) * outside
        moved[:, Cause.REST] += marks.index - self._opening - moved.sum(axis=1)
        gain = np.where(marks.closed, 0.0, marks.gain)
        basis += gain[:, np.newaxis] * (mid - moved - basis)
        for row in np.flatnonzero(marks.chosen):  # 0 is the index itself
            if marks.chosen[row] == BASIS:
                moved[row] += basis[row]
            elif marks.chosen[row] == LAST:
                moved[row] = last[row]
            else:
                moved[row] = 0.0
                moved[row, Cause.OUTSIDE] = outside[row]
        for row in np.flatnonzero(marks.frozen):
            moved[row] = 0.0
            moved[row, : self.mark.shape[1]] = self.mark[row]
        self.mark = moved
        self.mark[:, Cause.REST] += marks.mark - self._opening - moved.sum(axis=1)

    def _moves(self, bid: Ints, ask: Ints, last: Ints) -> tuple[Floats, Floats]:
        mid, last_ = mid_of(bid, ask, last), last.astype(np.float64)
        moves = mid - self._seen_mid, last_ - self._seen_last
        self._seen_mid, self._seen_last = mid, last_
        return moves


def _shares(weight: Floats, *, rest: Cause) -> Floats:
    """`weight` (n_instruments, n_causes) over its sum; all to `rest` where there is none."""
    total = weight.sum(axis=1)
    weight[total == 0, rest] = total[total == 0] = 1.0
    return np.asarray(weight / total[:, np.newaxis])
