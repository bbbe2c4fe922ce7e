"""The rulebook of a clearing house: what its accounts must hold, how they are liquidated, who bears the loss."""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator, model_validator

from abm.clearing.adl import AdlRule, IndustryRanking
from abm.clearing.auction import FixedDiscount, TakeoverRule
from abm.clearing.backstop import Keeper
from abm.clearing.calls import CallRule, NoCalls
from abm.clearing.layers import DEFAULT, OF_MEMBERS, Layer, Layers, refuse_repeated
from abm.clearing.liquidation import Fraction, LiquidationPolicy
from abm.clearing.margin.concentration import Concentration, NoConcentration
from abm.clearing.margin.rule import MarginRule
from abm.clearing.margin.tiered import Tiered
from abm.clearing.members import Members
from abm.clearing.vault import NoVault, VaultRule
from abm.record import Record, param


class Clearing(Record):
    """The rules of one house."""

    margin: MarginRule = param(
        Tiered(), unit="rule", source="per field", help="What an account must hold; orders are admitted by brackets."
    )
    concentration: Concentration = param(
        NoConcentration(), unit="rule", source="none by default", help="What large positions are asked on top of the margin."
    )
    calls: CallRule = param(
        NoCalls(), unit="rule", source="per field", help="Notice and time before an account is liquidated, or none."
    )
    liquidation: LiquidationPolicy = param(
        Fraction(), unit="rule", source="per field", help="How seized positions are worked on the book."
    )
    keeper: Keeper = param(Keeper(), unit="rule", source="per field", help="Principal liquidators with finite capital.")
    takeover: TakeoverRule = param(
        FixedDiscount(), unit="rule", source="per field", help="How a weak account that the book did not cure is sold to keepers."
    )
    vault: VaultRule = param(NoVault(), unit="rule", source="per field", help="Who takes whole accounts with their margin.")
    adl: AdlRule = param(IndustryRanking(), unit="rule", source="per field", help="Auto-deleveraging rule.")
    waterfall: tuple[Layer, ...] = param(
        DEFAULT,
        unit="rule",
        source="per field; crypto venues: fund, auto-deleveraging, all accounts; CCPs: EMIR Art. 45",
        help="Who bears a loss beyond equity, in order; the house's own money is last and bears what is left.",
    )
    members: Members = param(Members(), unit="rule", source="per field", help="Clearing members behind the accounts.")
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
    fund_scope: Literal["house", "instrument", "group"] = param(
        "house",
        unit="choice",
        source="choice of regime; Binance keeps funds per group of contracts since 2025",
        help="One insurance fund for all instruments of the house, one for each, or one per group (split by open interest).",
    )
    fund_groups: tuple[tuple[str, ...], ...] = param(
        (),
        unit="names",
        source="choice of regime",
        help="Lists of assets that share a fund where the scope is a group; assets in no list share one.",
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
    execution: Literal["book", "outside_pool", "outside_pool_cuts"] = param(
        "book",
        unit="choice",
        source="counterfactuals no_impact and no_impact_of_cuts",
        help="Forced orders walk the book, or an outside pool fills them at the mark, or with them self-deleveraging and stops.",
    )

    @field_validator("waterfall")
    @classmethod
    def _layers_differ(cls, layers: Layers) -> Layers:
        refuse_repeated(layer.kind for layer in layers)
        return layers

    @field_validator("fund_groups")
    @classmethod
    def _groups_disjoint(cls, groups: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        names = [name for group in groups for name in group]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"an asset has one fund, {name!r} occurs {names.count(name)} times")
        return groups

    @model_validator(mode="after")
    def _consistent(self) -> Clearing:
        kinds = [layer.kind for layer in self.waterfall]
        asked = [kind for kind in kinds if kind in OF_MEMBERS]
        if asked and not self.members.count:
            raise ValueError(f"the layer {asked[0]!r} of waterfall needs members.count > 0, was 0")
        if self.members.count and "member" not in kinds:
            raise ValueError(f"members.count = {self.members.count} needs the layer 'member' in waterfall, has {kinds}")
        if self.fund_groups and self.fund_scope != "group":
            raise ValueError(f"fund_groups needs fund_scope = 'group', was {self.fund_scope!r}")
        return self

    def staff(self) -> dict[str, int]:
        """How many accounts of each role the house keeps for itself."""
        skin = {"skin": 1} if any(layer.kind == "skin_in_the_game" for layer in self.waterfall) else {}
        members = {"member": self.members.count, "default_fund": self.members.count} if self.members.count else {}
        vault = {"vault": int(not isinstance(self.vault, NoVault))}
        return {"keeper": self.keeper.count, "fund": 1, "fees": 1} | vault | skin | members

    def fund_group(self, asset: str) -> int:
        """Number of the group whose fund the asset has; those in no list are the last."""
        return next((row for row, group in enumerate(self.fund_groups) if asset in group), len(self.fund_groups))
