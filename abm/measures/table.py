"""The documented names of all measures: unit, meaning, and which direction is worse."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Measure(NamedTuple):
    """One key of the summary; `<asset>`, `<shocked>`, `<twin>`, `<group>` stand for names."""

    unit: str
    help: str
    worse: Literal["higher", "lower", "neither"] = "higher"


ATTRIBUTED: tuple[tuple[str, str, Literal["higher", "neither"]], ...] = (
    ("total", "of the run; of excess_fall the mean over assets that were not shocked", "higher"),
    ("drop.<channel>.effect", "what is gone when the channel alone is switched off: run minus twin", "neither"),
    ("drop.<channel>.share", "the same over the total; these need not add up", "neither"),
    ("drop.<channel>.interval", "none in one seed; over seeds each number has its own", "neither"),
)

MEASURES = {
    "conservation.cash_error": Measure("cash units", "money created or lost over the run; exactly 0", "neither"),
    "conservation.lots_error": Measure("lots", "lots created or lost over the run; exactly 0", "neither"),
    "unallocated_loss": Measure("cash units", "bad debt that nobody bore; exactly 0", "neither"),
    "fall.<asset>": Measure("share of opening price", "mark before the shock minus its low from then on"),
    "forced_fall.<asset>": Measure("share of opening price", "what the shock itself took off the outside value", "neither"),
    "amplification.<asset>": Measure("times", "fall of a shocked asset over its fall without liquidations"),
    "excess_fall.<asset>": Measure("share of opening price", "how much lower than without liquidations, at most"),
    "excess_fall_over.<twin>.<asset>": Measure("share of opening price", "how much lower than in the twin, at most"),
    **{
        f"attribution.{outcome}.{leaf}": Measure(unit if leaf.endswith(("total", "effect")) else "share of total", help_, worse)
        for outcome, unit in (("excess_fall", "share of opening price"), ("forced_share", "share"), ("bad_debt", "currency"))
        for leaf, help_, worse in ATTRIBUTED
    },
    "attribution.lost.<asset>.<cause>": Measure("share", "of what the seized had lost, there and through it", "neither"),
    "contagion_matrix.<shocked>.<asset>": Measure("share per share", "fall per unit of fall forced on the shocked asset"),
    "liquidations.accounts": Measure("accounts", "distinct accounts that entered liquidation"),
    "liquidations.accounts_by_asset.<asset>": Measure("accounts", "distinct accounts with forced fills in the asset"),
    "liquidations.notional.<asset>": Measure("currency", "fills of forced orders, each counted once"),
    "liquidations.adl.<asset>": Measure("currency", "closed by auto-deleveraging, at the mark"),
    "liquidations.takeover.<asset>": Measure("currency", "taken over by keepers, vault, members or fund, at the mark"),
    "reproduction_number.twins": Measure("1", "1 - mean fall without liquidations over mean fall, weighted by open interest"),
    "reproduction_number.genealogy": Measure("liquidations", "later ones it caused, weighted by share of loss; mean"),
    "reproduction_number.ex_ante": Measure("currency per currency", "forced sales set off by forced sales, before any happen"),
    "reproduction_number.gap": Measure("1", "genealogy - twins: what would have been seized a little later anyway", "neither"),
    "cascade_size": Measure("liquidations", "most seizures without a minute's pause in seizures and forced fills"),
    "cascade_duration": Measure("seconds", "from the first to the last step of that cascade"),
    "liquidations.branching_ratio": Measure("share", "of them that follows from others, from counts per minute after the shock"),
    "genealogy.liquidations": Measure("liquidations", "seizures of accounts, repeated ones counted again"),
    "genealogy.forced_loss_share": Measure("share", "loss of seized accounts through forced orders, since each leg last changed"),
    "genealogy.generations": Measure("generations", "longest chain of heaviest parents"),
    "genealogy.largest_tree": Measure("liquidations", "in the tree of one ancestor"),
    "ex_ante.cross_share": Measure("share", "of the spectral radius, what no asset has by itself"),
    "ex_ante.critical_shock": Measure("share of price", "smallest fall after which the spectral radius reaches 1", "lower"),
    "ex_ante.risk_of_largest": Measure("share", "of the endogenous risk index, held by the riskiest hundredth of accounts"),
    "margin_calls.accounts": Measure("accounts", "distinct accounts that had a margin call"),
    "margin_calls.amount": Measure("currency", "what margin calls asked for when they were made"),
    "margin_calls.met_share": Measure("share", "margin calls that were met, over calls made", "lower"),
    "margin_calls.topped_up": Measure("currency", "money that arrived in accounts after calls", "neither"),
    "forced_share": Measure("share", "forced notional over one-sided open interest at the opening"),
    "stopped_share": Measure("share", "stop orders' fills over one-sided open interest at the opening; not forced", "neither"),
    "healthy_closed_share": Measure("share", "forced notional in legs that were healthy by themselves"),
    "recovered_share.run": Measure("share", "of seized notional, healthy 10 min later if left alone, on the run's marks"),
    "recovered_share.no_liquidation": Measure("share", "the same on the marks of the twin without liquidations"),
    "saved_by_offset_share": Measure("share", "of legs under by themselves, those of accounts never seized", "lower"),
    "capital_efficiency.margin_saved": Measure("share", "of the margin of legs alone, not required of accounts", "lower"),
    "capital_efficiency.collateral_saved": Measure("share", "of what legs alone needed to come through, not needed", "lower"),
    "capital_efficiency.notional_per_collateral": Measure("times", "gross notional over collateral before the shock", "neither"),
    "equity_depletion.actual": Measure("share of equity", "lost by all who lose, at its most, on positions before the shock"),
    "equity_depletion.expected": Measure("share of equity", "the same if the others followed calm correlations", "neither"),
    "equity_depletion.times": Measure("times", "the one over the other: how much faster equity went than calm let expect"),
    "margin.peak_to_trough": Measure("times", "largest over smallest maintenance margin per unit of notional"),
    "margin.n_day": Measure("share", "largest rise of margin per unit of notional within a day, or within a shorter run"),
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
    "account_loss.value_at_risk": Measure("share of opening equity", "that a tenth of all owners lost at least"),
    "account_loss.expected_shortfall": Measure("share of opening equity", "that this tenth lost, mean"),
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
    "book_exhausted.<asset>": Measure("steps", "in which the book had too little for a forced order within its limit"),
    "stylised.kurtosis.<asset>": Measure("1", "excess kurtosis of half-minute returns over the run", "neither"),
    "stylised.autocorrelation.<asset>": Measure("correlation", "of half-minute returns, one to the next", "neither"),
    "stylised.autocorrelation_absolute.<asset>": Measure("correlation", "of their sizes, one to the next", "neither"),
    "stylised.hill.<asset>": Measure("1", "tail index of the largest twentieth of half-minute returns", "neither"),
    "halts.<asset>": Measure("halts", "times a circuit breaker closed a book of the asset", "neither"),
    "halted_seconds.<asset>": Measure("seconds", "time in which a book of the asset was closed by a breaker", "neither"),
}
