"""The breakers a venue may choose from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from abm.market.breakers.band import PriceBand
from abm.market.breakers.market_wide import MarketWide
from abm.market.breakers.none import NoBreaker
from abm.market.breakers.rolling import RollingHalt

Breaker = Annotated[NoBreaker | PriceBand | RollingHalt | MarketWide, Field(discriminator="kind")]
