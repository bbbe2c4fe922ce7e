"""The base of a margin rule of the user's own: one method to write, the rest as the tiered rule has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.clearing.margin.terms import Terms
from abm.clearing.margin.tiered import Requirement, Tiered
from abm.kernels.margin import Brackets
from abm.own import Own
from abm.record import Record

OWN_MARGIN = Own(
    {
        "requirement": ("position", "price", "state"),
        "open": ("terms",),
        "advance": ("state", "index"),
        "tables": ("assets",),
    },
    base="abm.clearing.margin.own.OwnMargin",
)


class OwnMargin(Record):
    """Inherit it, declare parameters as fields, and write `requirement`.

    The state is what `open` makes of the terms of the instruments, here the terms themselves; `advance` may change it
    once a step. Orders are admitted, and deficits split, by the brackets of `tables`, here 1 / maximum leverage.
    """

    def requirement(self, position: NDArray[np.int64], price: NDArray[np.int64], state: Any) -> Requirement:
        """Initial and maintenance margin of every row of `position` (n_accounts, n_instruments) lots, cash units, whole.

        `price` (n_instruments,) is cash units per lot. An account's margin may depend on its own row only.
        """
        raise NotImplementedError

    def open(self, terms: Terms) -> Any:
        """The state at the opening."""
        return terms

    def advance(self, state: Any, index: NDArray[np.float64]) -> Any:
        """The state after a step that ended at `index` (n_instruments,), ticks."""
        return state

    def tables(self, assets: Sequence[str], **terms: Any) -> Brackets:
        """Brackets by maximum leverage, as `Tiered.tables`: what a single leg is admitted and split by."""
        return Tiered().tables(assets, **terms)
