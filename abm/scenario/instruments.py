"""The table of instruments of a scenario: every asset on every venue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from abm.market.instrument import Instruments

if TYPE_CHECKING:
    from abm.scenario.scenario import Scenario

LADDER = 4  # prices up to this many times the opening price may be quoted


def instruments_of(scenario: Scenario) -> Instruments:
    """Assets on the first venue, then those on the second, and so on; ValueError if a grid does not fit."""
    assets, venues = scenario.assets, scenario.venues
    n_assets, n_venues = len(assets), len(venues)
    unit = np.array([asset.unit(scenario.money) for asset in scenario.assets], dtype=np.int64)
    spot = [asset.form == "spot" for _ in venues for asset in assets]
    opening = np.array([asset.opening_tick() for asset in scenario.assets], dtype=np.int64)
    return Instruments(
        names=tuple(asset.name if n_venues == 1 else f"{asset.name}@{venue.name}" for venue in venues for asset in assets),
        asset=np.tile(np.arange(n_assets, dtype=np.int64), n_venues),
        venue=np.repeat(np.arange(n_venues, dtype=np.int64), n_assets),
        tick_size=np.tile([asset.tick for asset in scenario.assets], n_venues),
        lot_size=np.tile([asset.lot for asset in scenario.assets], n_venues),
        unit=np.tile(unit, n_venues),
        opening_tick=np.tile(opening, n_venues),
        ladder_ticks=np.tile(LADDER * opening, n_venues),
        spot=tuple(np.flatnonzero(spot).tolist()),
    )
