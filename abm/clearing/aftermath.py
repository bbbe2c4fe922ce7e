"""The second round of a default: whom auto-deleveraging and mutualised losses leave weaker than they may be."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass
class Aftermath:
    """Counts over a run; an account counts once in each step in which it happens."""

    hedges_broken: int = 0  # accounts deleveraged in a leg while they held another leg of the opposite sign
    adl_under: int = 0  # deleveraged accounts that hold less than their maintenance margin afterwards
    payers_under: int = 0  # accounts that what they paid (socialised, assessed, cut gains) pushed under it

    def note_deleveraged(self, unhedged: int, collateral: Ints, maintenance: Ints) -> None:
        """Take in the deleveraged accounts of a step, (k,) cash units afterwards."""
        self.hedges_broken += unhedged
        self.adl_under += int(np.count_nonzero(collateral < maintenance))

    def note_payers(self, paid: Ints, collateral: Ints, maintenance: Ints) -> None:
        """Take in the payers of a step, (k,) cash units afterwards; with what they paid they would be above."""
        self.payers_under += int(np.count_nonzero((collateral < maintenance) & (collateral + paid >= maintenance)))

    def counts(self) -> dict[str, int]:
        """By name."""
        return asdict(self)
