"""The supervisor: circuit breakers of all venues at work, and what is closed because of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from abm.market.breakers.none import NoBreaker
from abm.market.breakers.rule import Breaker
from abm.market.breakers.watch import Bools, Ints, Quotes, Terms, Watch
from abm.market.order import Kind, OrderBatch


@dataclass(frozen=True)
class Halts:
    """What a halt means for each instrument, all (n_instruments,); the rules are those of the breaker that halted it."""

    closed: Bools  # no order is taken
    held: Bools  # nor a request to cancel and replace
    frozen: Bools  # index and mark stand still
    unchecked: Bools  # accounts that hold it are not seized
    unworked: Bools  # positions of seized accounts wait


class Breakers:
    """Advanced at the end of a step (phase 9); `halts` and `bands` are those of the step to come."""

    def __init__(self, rules: Sequence[Breaker], terms: Terms) -> None:
        """`rules` one per venue."""
        self._rules = rules
        self._watches: list[Watch] = [rule.watch(terms) for rule in rules]
        self._venue, self._asset = terms.instruments.venue, terms.instruments.asset
        n = len(self._venue)
        self._left = np.zeros(n, dtype=np.int64)  # steps of the halt still to come
        self._by = np.zeros(n, dtype=np.int64)  # venue whose breaker halted it
        reprices = np.array([watch.reprices for watch in self._watches])
        self._reprices: Bools = reprices[self._venue]
        self._ladder_end = terms.instruments.ladder_ticks - 1
        self.idle = all(isinstance(rule, NoBreaker) for rule in rules)
        self.was = np.zeros(n, dtype=np.bool_)  # (n_instruments,), closed in the step that has ended
        self.halts, self.bands = self._halts(), self._bands()

    def advance(self, quotes: Quotes) -> None:
        """A step has ended and left `quotes`; without any breaker nothing changes."""
        if self.idle:
            return
        self.was = self.halts.closed
        self._left = np.maximum(self._left - 1, 0)
        for venue, watch in enumerate(self._watches):
            steps = np.where(self._venue == venue, watch.advance(quotes, self.was), 0)
            if getattr(self._rules[venue], "coordinated", False):
                steps = self._everywhere(steps)
            longer = steps > self._left
            self._left[longer], self._by[longer] = steps[longer], venue
        self.halts, self.bands = self._halts(), self._bands()

    @property
    def begun(self) -> Ints:
        """Instruments that are closed from the next step on."""
        return np.flatnonzero(self.halts.closed & ~self.was)

    @property
    def ended(self) -> Ints:
        """Instruments that are open again from the next step on."""
        return np.flatnonzero(self.was & ~self.halts.closed)

    @property
    def pulled(self) -> Ints:
        """Instruments whose resting orders the venue cancels now."""
        begun = self.begun
        return begun[self._says("orders", "pull")[begun]]

    def refused(self, batch: OrderBatch) -> Bools:
        """(n,), orders that a halt keeps from the books."""
        halts, instrument = self.halts, batch["instrument"]
        if not halts.closed.any():
            return np.zeros(len(batch), dtype=np.bool_)
        trading = halts.closed[instrument] & (batch["kind"] < Kind.CANCEL)
        place = batch["trader"].astype(np.int64) * len(halts.closed) + instrument
        replacing = (batch["kind"] == Kind.CANCEL_ALL) & (instrument >= 0) & halts.held[instrument]
        return np.asarray(trading | (replacing & np.isin(place, place[trading])))

    def within(self, batch: OrderBatch) -> OrderBatch:
        """`batch` (n,) with limits beyond a band moved to it where the venue does so; those off the ladder stay."""
        if not self._reprices.any():
            return batch
        tick, (low, high) = batch["tick"], self.bands[batch["instrument"]].T
        moved = np.where(batch["side"] > 0, np.minimum(tick, high), np.maximum(tick, low))
        last = self._ladder_end[batch["instrument"]]
        movable = self._reprices[batch["instrument"]] & (tick >= 1) & (tick <= last) & (moved != tick)
        if not movable.any():
            return batch
        batch = batch.copy()
        batch["tick"] = np.where(movable, moved, tick)
        return batch

    def _everywhere(self, steps: Ints) -> Ints:
        """`steps` (n_instruments,) carried over to the same assets on all venues."""
        longest = np.zeros(int(self._asset.max()) + 1, dtype=np.int64)
        np.maximum.at(longest, self._asset, steps)
        return np.asarray(longest[self._asset])

    def _says(self, field: str, choice: str) -> Bools:
        """(n_instruments,), closed under a breaker with this `choice`."""
        says = np.array([getattr(rule, field, "") == choice for rule in self._rules])
        return np.asarray((self._left > 0) & says[self._by])

    def _halts(self) -> Halts:
        return Halts(
            closed=self._left > 0,
            held=self._says("orders", "refuse"),
            frozen=self._says("marks", "freeze"),
            unchecked=self._says("margin", "suspend"),
            unworked=self._says("liquidation", "suspend"),
        )

    def _bands(self) -> Ints:
        return np.stack([watch.bands for watch in self._watches])[self._venue, np.arange(len(self._venue))]
