"""A market without circuit breaker."""

from __future__ import annotations

from typing import Literal

import numpy as np

from abm.market.breakers.watch import Bools, Ints, Quotes, Terms
from abm.record import Record


class NoBreaker(Record):
    """Nothing halts the book of itself: the band is the ladder."""

    kind: Literal["none"] = "none"

    def watch(self, terms: Terms) -> NeverTrips:
        """The breaker at work."""
        return NeverTrips(terms)


class NeverTrips:
    """Wide bands and no halt, for ever."""

    reprices = False

    def __init__(self, terms: Terms) -> None:
        self.bands = terms.ladder()

    def advance(self, quotes: Quotes, closed: Bools) -> Ints:
        """No halt begins."""
        return np.zeros(len(closed), dtype=np.int64)
