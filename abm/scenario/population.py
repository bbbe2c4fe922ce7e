"""The population: which groups of traders there are and how their money backs their positions."""

from __future__ import annotations

from typing import Literal

from abm.behaviour.answer import Answer
from abm.behaviour.arbitrage import Arbitrage
from abm.behaviour.carry import Carry
from abm.behaviour.collateral import Collateral
from abm.behaviour.dealing import Dealing
from abm.behaviour.hedged import HedgedPair
from abm.behaviour.hedging import Hedging
from abm.behaviour.other import Others
from abm.behaviour.stop_loss import StopLoss
from abm.behaviour.trend import Trend
from abm.behaviour.value import Value
from abm.behaviour.zero_intelligence import ZeroIntelligence
from abm.record import Record, param
from abm.scenario.book import Book, NoBook


class Population(Record):
    """Groups of traders and their margin modes; a group with `count = 0` is absent."""

    cross_share: float = param(
        1.0,
        unit="share of traders",
        source="choice, the main sweep variable; cross is the default mode of large venues",
        help="Traders who are not isolated: one account backs all their positions on a venue.",
        ge=0,
        le=1,
    )
    universal_share: float = param(
        0.0,
        unit="share of the traders who are not isolated",
        source="choice of regime, swept",
        help="Traders with one account across all venues.",
        ge=0,
        le=1,
    )
    unpooled: Literal["none", "equal_money", "equal_risk"] = param(
        "none",
        unit="choice",
        source="counterfactuals isolated and isolated_equal_risk",
        help="Whether traders who are not isolated hold each position on margin of its own after all: on no more than the "
        "account had, split by the initial margin that each is asked alone (under a rule that nets legs less than they must "
        "hold), or on as much as leaves its liquidation price, the others unchanged, where it was, which takes more.",
    )
    shared_wallet: bool = param(
        False,
        unit="switch",
        source="choice: off keeps isolated positions apart",
        help="Whether orders of isolated accounts draw their margin from the owner's wallet, which gets it back when flat.",
    )
    collateral: Collateral = param(
        Collateral(), unit="rule", source="per field", help="Tokens among the opening collateral."
    )
    answer: Answer = param(Answer(), unit="rule", source="per field", help="What traders, makers apart, do after a margin call.")
    stops: StopLoss = param(StopLoss(), unit="rule", source="none by default", help="Stop orders and traders who give up.")
    crowd: Carry = param(Carry(), unit="rule", source="per field", help="Leveraged holders, crowded on the long side.")
    pairs: HedgedPair = param(HedgedPair(), unit="rule", source="per field", help="Long one asset, short its correlate.")
    hedgers: Hedging = param(Hedging(), unit="rule", source="per field", help="Low-leverage other side of the crowd.")
    liquidity: ZeroIntelligence = param(
        ZeroIntelligence(), unit="rule", source="per field", help="Noise traders who keep the books alive."
    )
    value: Value = param(Value(), unit="rule", source="per field", help="Buyers below value, with finite capital.")
    trend: Trend = param(Trend(), unit="rule", source="per field", help="Followers of the trend.")
    arbitrage: Arbitrage = param(Arbitrage(), unit="rule", source="per field", help="Traders between venues.")
    dealers: Dealing = param(Dealing(), unit="rule", source="none by default", help="Options dealers who hedge.")
    book: Book = param(NoBook(), unit="rule", source="none by default", help="Accounts of your own, from files.")
    others: tuple[Others, ...] = param((), unit="rule", source="default: none", help="Groups whose decisions you have written.")
