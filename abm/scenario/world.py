"""The world outside the market: values, shocks, and a recorded path that may replace the values."""

from __future__ import annotations

from abm.record import Record, param
from abm.world.fundamentals import Fundamentals
from abm.world.path import Path
from abm.world.shocks import Shock


class World(Record):
    """What happens to the assets, whatever the market does."""

    fundamentals: Fundamentals = param(unit="rule", source="per field", help="The process of the outside values.")
    shocks: tuple[Shock, ...] = param((), unit="rule", source="per field", help="Shocks to the outside values, in any order.")
    path: Path | None = param(None, unit="rule", source="default: none", help="Recorded prices replayed as outside values.")
