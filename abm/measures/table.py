"""The documented names of all measures: unit, meaning, and which direction is worse."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Measure(NamedTuple):
    """One key of the summary; `<asset>` and `<shocked>` stand for names of assets, `<twin>` for a twin."""

    unit: str
    help: str
    worse: Literal["higher", "lower", "neither"] = "higher"


MEASURES = {
    "conservation.cash_error": Measure("cash units", "money created or lost over the run; exactly 0", "neither"),
    "conservation.lots_error": Measure("lots", "lots created or lost over the run; exactly 0", "neither"),
    "unallocated_loss": Measure("cash units", "bad debt that nobody bore; exactly 0", "neither"),
    "fall.<asset>": Measure("share of opening price", "mark before the shock minus its low from then on"),
    "forced_fall.<asset>": Measure("share of opening price", "what the shock itself took off the outside value", "neither"),
    "amplification.<asset>": Measure("times", "fall of a shocked asset over its fall without liquidations"),
    "excess_fall.<asset>": Measure("share of opening price", "how much lower than without liquidations, at most"),
    "excess_fall_over.<twin>.<asset>": Measure("share of opening price", "how much lower than in the twin, at most"),
    "contagion_matrix.<shocked>.<asset>": Measure("share per share", "fall per unit of fall forced on the shocked asset"),
    "liquidations.accounts": Measure("accounts", "distinct accounts that entered liquidation"),
    "liquidations.accounts_by_asset.<asset>": Measure("accounts", "distinct accounts with forced fills in the asset"),
    "liquidations.notional.<asset>": Measure("currency", "fills of forced orders, each counted once"),
    "liquidations.adl.<asset>": Measure("currency", "closed by auto-deleveraging, at the mark"),
    "liquidations.takeover.<asset>": Measure("currency", "taken over by keeper, fund or clearing members, at the mark"),
    "forced_share": Measure("share", "forced notional over one-sided open interest at the opening"),
    "healthy_closed_share": Measure("share", "forced notional in legs that were healthy by themselves"),
    "bad_debt.total": Measure("currency", "negative equity of accounts at their close"),
    "bad_debt.insurance_fund": Measure("currency", "of it borne by the insurance fund"),
    "bad_debt.keeper": Measure("currency", "of it borne by the keeper"),
    "bad_debt.adl": Measure("currency", "of it borne by auto-deleveraged accounts"),
    "bad_debt.socialised": Measure("currency", "of it shared out over other accounts"),
    "bad_debt.member": Measure("currency", "of it borne by the clearing members behind the accounts"),
    "bad_debt.skin_in_the_game": Measure("currency", "of it borne by the house's own money in the waterfall"),
    "bad_debt.members_fund": Measure("currency", "of it borne by contributions of other members"),
    "bad_debt.assessments": Measure("currency", "of it called from other members"),
    "bad_debt.gains_haircut": Measure("currency", "of it cut from gains"),
    "aftermath.hedges_broken": Measure("accounts", "deleveraged in a leg while they held one of the opposite sign"),
    "aftermath.adl_under": Measure("accounts", "below maintenance margin after they were deleveraged"),
    "aftermath.payers_under": Measure("accounts", "pushed below maintenance margin by what they paid for others"),
    "uncollected": Measure("currency", "negative equity of accounts still open at the end"),
    "maker_profit": Measure("currency", "joint equity of the makers at the end minus at the opening", "lower"),
    "makers_withdrawn": Measure("makers", "most makers not quoting at the same time"),
    "open_interest_drop.<asset>": Measure("share", "open interest gone at its lowest after the shock"),
    "depth_min.<asset>": Measure("share of calm depth", "fewest bids near the mark after the shock", "lower"),
    "spread_max.<asset>": Measure("basis points", "widest quoted spread after the shock"),
    "recovery_time.<asset>": Measure("seconds", "from the fewest bids until nine tenths of the calm depth are back"),
    "empty_side_seconds.<asset>": Measure("seconds", "time in which a side of the book was empty"),
}
