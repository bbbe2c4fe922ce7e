"""A venue of a scenario: an exchange with its fees, its mark, its funding, its breaker and its clearing house."""

from __future__ import annotations

from abm.clearing.rulebook import Clearing
from abm.market.breakers.none import NoBreaker
from abm.market.breakers.rule import Breaker
from abm.market.funding import Funding
from abm.market.mark import Marking
from abm.record import Record, param


class Venue(Record):
    """One exchange; it trades every asset of the scenario."""

    name: str = param(unit="name", source="scenario", help="Name of the venue.", min_length=1, max_length=32)
    share: float = param(
        1.0,
        unit="share of open interest",
        source="choice; 10 Oct 2025: Hyperliquid 53 %, Bybit 24 %, Binance 13 % of liquidations (CoinGlass)",
        help="Share of every asset's open interest that is held here.",
        gt=0,
        le=1,
    )
    taker_fee: float = param(
        0.0005,
        unit="share of notional",
        source="common retail tier of large perpetual venues, 0.04 to 0.06 %",
        help="Paid by the order that takes.",
        ge=0,
        le=0.05,
    )
    maker_fee: float = param(
        0.0,
        unit="share of notional",
        source="choice: makers of large venues pay about nothing",
        help="Paid by the order that rests.",
        ge=0,
        le=0.05,
    )
    marking: Marking = param(Marking(), unit="rule", source="per field", help="How index and mark are formed.")
    funding: Funding = param(Funding(), unit="rule", source="per field", help="What longs pay shorts, and when.")
    breaker: Breaker = param(NoBreaker(), unit="rule", source="none by default", help="Circuit breaker.")
    clearing: Clearing = param(Clearing(), unit="rule", source="per field", help="Rules of the venue's clearing house.")
