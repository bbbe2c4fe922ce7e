"""The documented names of all measures: unit, meaning, and which direction is worse."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Measure(NamedTuple):
    """One key of the summary; `<asset>`, `<shocked>`, `<twin>`, `<group>` stand for names."""

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
    "liquidations.takeover.<asset>": Measure("currency", "taken over by keepers, vault, members or fund, at the mark"),
    "liquidations.branching_ratio": Measure("share", "of them that follows from others, from counts per minute after the shock"),
    "genealogy.liquidations": Measure("liquidations", "seizures of accounts, repeated ones counted again"),
    "genealogy.forced_loss_share": Measure("share", "loss of seized accounts through forced orders, since each leg last changed"),
    "genealogy.reproduction_number": Measure("liquidations", "later ones it caused, weighted by share of loss; mean"),
    "genealogy.generations": Measure("generations", "longest chain of heaviest parents"),
    "genealogy.largest_tree": Measure("liquidations", "in the tree of one ancestor"),
    "ex_ante.spectral_radius": Measure("currency per currency", "forced sales set off by forced sales, after the shock alone"),
    "ex_ante.cross_share": Measure("share", "of the spectral radius, what no asset has by itself"),
    "ex_ante.critical_shock": Measure("share of price", "smallest fall after which the spectral radius reaches 1", "lower"),
    "ex_ante.risk_of_largest": Measure("share", "of the endogenous risk index, held by the riskiest hundredth of accounts"),
    "margin_calls.accounts": Measure("accounts", "distinct accounts that had a margin call"),
    "margin_calls.amount": Measure("currency", "what margin calls asked for when they were made"),
    "margin_calls.met_share": Measure("share", "margin calls that were met, over calls made", "lower"),
    "margin_calls.topped_up": Measure("currency", "money that arrived in accounts after calls", "neither"),
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
    "equity_change.<group>": Measure("share of opening equity", "of a group of traders, or of the whole system", "lower"),
    "correlation.calm": Measure("correlation", "of half-minute returns before the shock, mean over pairs of assets", "neither"),
    "correlation.stress": Measure("correlation", "the same from the shock on", "neither"),
    "correlation.corrected": Measure("correlation", "the latter as a calm market would show it (Forbes & Rigobon)", "neither"),
    "maker_profit": Measure("currency", "joint equity of the makers at the end minus at the opening", "lower"),
    "makers_withdrawn": Measure("makers", "most makers not quoting at the same time"),
    "open_interest_drop.<asset>": Measure("share", "open interest gone at its lowest after the shock"),
    "depth_min.<asset>": Measure("share of calm depth", "fewest bids near the mark after the shock", "lower"),
    "spread_max.<asset>": Measure("basis points", "widest quoted spread after the shock"),
    "recovery_time.<asset>": Measure("seconds", "from the fewest bids until nine tenths of the calm depth are back"),
    "empty_side_seconds.<asset>": Measure("seconds", "time in which a side of the book was empty"),
    "halts.<asset>": Measure("halts", "times a circuit breaker closed a book of the asset", "neither"),
    "halted_seconds.<asset>": Measure("seconds", "time in which a book of the asset was closed by a breaker", "neither"),
}
