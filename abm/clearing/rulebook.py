"""The rulebook of a clearing house: what its accounts must hold, how they are liquidated, who bears the loss."""

from __future__ import annotations

from typing import Literal

from abm.clearing.adl import AdlRule, IndustryRanking
from abm.clearing.backstop import Keeper
from abm.clearing.liquidation import Fraction, LiquidationPolicy
from abm.clearing.margin.rule import MarginRule
from abm.clearing.margin.tiered import Tiered
from abm.record import Record, param


class Clearing(Record):
    """The rules of one house."""

    margin: MarginRule = param(
        Tiered(), unit="rule", source="per field", help="What an account must hold; orders are admitted by brackets."
    )
    liquidation: LiquidationPolicy = param(
        Fraction(), unit="rule", source="per field", help="How seized positions are worked on the book."
    )
    keeper: Keeper = param(Keeper(), unit="rule", source="per field", help="Principal liquidator with finite capital.")
    adl: AdlRule = param(IndustryRanking(), unit="rule", source="per field", help="Auto-deleveraging rule.")
    gains_share: float = param(
        1.0,
        unit="share",
        source="crypto venues count unrealised profit in full in cross margin; others less",
        help="Share of unrealised gains that counts as collateral.",
        ge=0,
        le=1,
    )
    fund_share: float = param(
        0.002,
        unit="share of one-sided open interest",
        source="choice of regime, swept; Binance's fund lost about 184 M USD on 2025-10-10 (10x Research)",
        help="Cash of the insurance fund at the opening.",
        ge=0,
        le=1,
    )
    fund_scope: Literal["house", "instrument"] = param(
        "house",
        unit="choice",
        source="choice of regime; Binance keeps funds per group of contracts since 2025",
        help="One insurance fund for all instruments of the house, or one for each (split by open interest).",
    )
    fund_unwind_half_life: float = param(
        300.0,
        unit="s",
        source="choice of regime, swept",
        help="Half-life at which the house works off on the book what the fund took over.",
        gt=0,
    )
    unwind_limit: float = param(
        0.02,
        unit="share of mark",
        source="choice: as the limit of forced orders",
        help="Keeper and fund unwind by IOC orders no further than this from the mark.",
        gt=0,
        le=1,
    )
    fee_rate: float = param(
        0.005,
        unit="share of notional",
        source="Binance support page 360033525271 (2019 text): 0.3 % BTC, 0.5 % others",
        help="Liquidation fee on forced fills, paid to the insurance fund.",
        ge=0,
        le=0.1,
    )
    deficit_by: Literal["notional", "loss", "margin"] = param(
        "notional",
        unit="choice",
        source="a bankruptcy price of several positions is one equation in several unknowns; choice of regime",
        help="How a deficit is shared over the positions of a bankrupt account.",
    )
    loss_scope: Literal["house", "instrument"] = param(
        "house",
        unit="choice",
        source="choice of regime; venues mutualise over all users or per contract",
        help="Whose equity bears what is socialised: all accounts of the house, or holders of the instrument.",
    )
    collateral: Literal["sell", "positions_first", "fund"] = param(
        "sell",
        unit="choice",
        source="choice of regime; both sale and transfer exist",
        help="Tokens of a seized account: sold like any position, sold once its perpetuals are closed, or then taken by the "
        "insurance fund at collateral value (sold if the fund cannot pay).",
    )
    execution: Literal["book", "outside_pool"] = param(
        "book",
        unit="choice",
        source="counterfactual no_impact",
        help="Forced orders walk the book, or an outside pool fills them at the mark.",
    )

    def staff(self) -> dict[str, int]:
        """How many accounts of each role the house keeps for itself."""
        return {"keeper": 1, "fund": 1, "fees": 1}
