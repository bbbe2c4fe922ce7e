"""A trading floor for tests of breakers: BTC and ETH, on one venue or two, opened at 1,000 ticks, in steps of 5 s."""

from __future__ import annotations

from typing import Any

import numpy as np

from abm.market.breakers.rule import Breaker
from abm.market.breakers.supervisor import Breakers
from abm.market.breakers.watch import Quotes, Terms
from abm.market.instrument import Instruments

BTC, ETH, BTC2, ETH2 = range(4)  # the last two on the second venue
CALM = (999, 1_001, 1_000)  # bid, ask, last


class Floor:
    """Step by step; instruments that are not named are as `CALM`."""

    def __init__(self, *rules: Breaker, interest: Any = 1.0) -> None:
        """`rules` one per venue."""
        n = 2 * len(rules)
        ones = np.ones(n, dtype=np.int64)
        asset, venue = np.arange(n) % 2, np.arange(n) // 2
        columns = asset, venue, 1.0 * ones, 1.0 * ones, ones, 1_000 * ones, 4_000 * ones
        terms = Terms(Instruments(tuple(f"I{i}" for i in range(n)), *columns), np.broadcast_to(interest, n) * 1.0, 5.0)
        self.breakers, self._n = Breakers(rules, terms), n

    def step(self, quotes: dict[int, tuple[int, int, int]] | None = None) -> list[int]:
        """A step ends on these quotes: which instruments are closed in the next."""
        board = np.array([(quotes or {}).get(i, CALM) for i in range(self._n)])
        self.breakers.advance(Quotes(*board.T))
        return self.closed

    def steps_closed(self, instrument: int = BTC, quotes: dict[int, tuple[int, int, int]] | None = None) -> int:
        """How many steps the book of a halted instrument is closed."""
        number = 0
        while instrument in self.closed:
            number += 1
            self.step(quotes)
        return number

    @property
    def closed(self) -> list[int]:
        return np.flatnonzero(self.breakers.halts.closed).tolist()

    def band(self, instrument: int = BTC) -> list[int]:
        return self.breakers.bands[instrument].tolist()


def traded(tick: int) -> tuple[int, int, int]:
    """A book around its last trade."""
    return (tick - 1, tick + 1, tick)
