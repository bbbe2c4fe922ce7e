"""Circuit breakers: the bounds within which a book may trade in a step."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from abm.market.instrument import Instruments
from abm.record import Record


class NoBreaker(Record):
    """A market without circuit breaker: the band is the ladder itself."""

    kind: Literal["none"] = "none"

    def band(self, instruments: Instruments) -> NDArray[np.int64]:
        """Lowest and highest admissible tick, (n_instruments, 2)."""
        return np.column_stack([np.ones(len(instruments), dtype=np.int64), instruments.ladder_ticks - 1])
