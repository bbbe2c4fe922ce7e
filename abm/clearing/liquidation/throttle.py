"""Throttle: how much the forced orders of a venue may take of what is traded; the rest waits."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from abm.clearing.liquidation.turnover import Room
from abm.record import Record, param

Ints = NDArray[np.int64]


class NoThrottle(Record):
    """Forced orders take what they find."""

    kind: Literal["none"] = "none"

    def admit(self, lots: Ints, room: Room) -> Ints:
        """All of `lots` (k, n_instruments)."""
        return lots


class ShareOfVolume(Record):
    """Forced fills of an instrument stay below a share of the lots traded in a window; accounts queue for the rest.

    Where `Participation` shares the room out over all accounts, here those served first are served in full.
    """

    kind: Literal["share_of_volume"] = "share_of_volume"
    share: float = param(
        0.25,
        unit="share of traded lots",
        source="choice, swept: caps on forced volume are stated by few venues",
        help="Most that forced fills may be of the lots traded in the window; at least one lot.",
        gt=0,
        le=1,
    )
    window: float = param(
        60.0, unit="s", source="choice, swept", help="Time over which traded lots are counted, the step under way included.", gt=0
    )

    def admit(self, lots: Ints, room: Room) -> Ints:
        """What goes through of `lots` (k, n_instruments), rows in the order of service, signed like them."""
        wanted = np.abs(lots)
        before = np.cumsum(wanted, axis=0) - wanted
        through = np.clip(room(self.share, self.window) - before, 0, wanted)
        return np.asarray(np.sign(lots) * through)


Throttle = Annotated[NoThrottle | ShareOfVolume, Field(discriminator="kind")]
