"""The summary of a run and its twins: every measure under its documented name, as plain nested dictionaries.

A number that is not defined is None, and `unavailable` holds the reason under the same dotted name. Names, units and
meanings are in `abm.measures.table`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from abm.measures import branching, calls, contagion, halts, interest, liquidations, liquidity, losses, prices
from abm.measures.carriers import carriers
from abm.measures.conservation import conservation
from abm.measures.dependence import dependence
from abm.measures.depletion import equity_depletion
from abm.measures.duration import largest_cascade
from abm.measures.efficiency import capital_efficiency
from abm.measures.ex_ante import ex_ante
from abm.measures.genealogy import genealogy
from abm.measures.procyclicality import margin
from abm.measures.recovery import recovered_share, saved_by_offset_share
from abm.measures.reproduction import reproduction_number
from abm.measures.stylised import stylised
from abm.measures.systemic import account_loss
from abm.measures.value import Missing
from abm.records import Records

Summary = dict[str, Any]


@dataclass(frozen=True)
class Pairing:
    """A run with the twins it is measured against."""

    run: Records
    twins: Mapping[str, Records]
    matrix_runs: Mapping[str, Records]  # asset name -> the same scenario with this asset alone shocked

    @property
    def start(self) -> int:
        """Step in which the shock strikes; 0 where nothing is shocked."""
        return self.run.meta.shock_step or 0

    def against(self, twin: str) -> Records | Missing:
        """A twin, or the reason why there is none."""
        return self.twins.get(twin, Missing(f"needs the twin {twin}, which was not run"))


def summarise(
    run: Records,
    twins: Mapping[str, Records],
    matrix_runs: Mapping[str, Records] | None = None,
    *,
    expected: Sequence[str] = (),
) -> Summary:
    """All measures of a run, of each twin under `twins.<name>`, and the reasons of all None under `unavailable`.

    `matrix_runs` maps asset names to runs that shock this asset alone. Twins named in `expected` that were not run keep
    their keys, with None. JSON-ready, without NaN, and equal for equal runs.
    """
    pairing = Pairing(run, twins, matrix_runs or {})
    measured = _measures(run, pairing)
    measured["contagion_matrix"] = _contagion(run, pairing, pairing.matrix_runs)
    measured["attribution"] = carriers(run, twins)
    measured["excess_fall_over"] = {
        name: _by_asset(run, prices.excess_fall(run, twins[name]))
        if name in twins
        else _all(run, Missing("this twin was not run"))
        for name in dict.fromkeys([*expected, *twins])
    }
    absent = {name: _blank(_measures(run, pairing), Missing("this twin was not run")) for name in expected}
    measured["twins"] = absent | {name: _measures(twin, pairing) for name, twin in twins.items()}
    reasons = {} if run.meta.shocked else {"shock": "nothing is shocked in this run"}
    return {**_heading(run), **_resolve(measured, "", reasons), "unavailable": reasons}


def _heading(run: Records) -> Summary:
    """What was run."""
    meta = run.meta
    start = meta.shock_step
    return {
        "scenario": meta.scenario,
        "seed": meta.seed,
        "steps": len(run),
        "step_seconds": meta.step_seconds,
        "currency": meta.currency,
        "assets": list(meta.assets),
        "depth_within": meta.depth_within,
        "shock": None
        if start is None
        else {
            "assets": [meta.assets[a] for a in meta.shocked],
            "start_seconds": start * meta.step_seconds,
            "end_seconds": (start + meta.shock_steps) * meta.step_seconds,
        },
    }


def _measures(run: Records, pairing: Pairing) -> Summary:
    """Every measure of one run or twin; `Missing` where it is not defined."""
    start = pairing.start
    return {
        "conservation": conservation(run),
        "unallocated_loss": losses.unallocated_loss(run),
        "fall": _by_asset(run, prices.fall(run, start)),
        **_paired(run, pairing),
        "contagion_matrix": _contagion(run, pairing, {}),
        "liquidations": {
            "accounts": liquidations.accounts(run),
            "accounts_by_asset": _by_asset(run, liquidations.accounts_by_asset(run)),
            "notional": _by_asset(run, liquidations.notional(run)),
            "adl": _by_asset(run, liquidations.off_book(run, "adl")),
            "takeover": _by_asset(run, liquidations.off_book(run, "takeover")),
            "branching_ratio": branching.of_liquidations(run),
        },
        "genealogy": genealogy(run),
        **largest_cascade(run),
        "ex_ante": ex_ante(run),
        "margin_calls": {
            "accounts": calls.accounts(run),
            "amount": calls.amount(run),
            "met_share": calls.met_share(run),
            "topped_up": calls.topped_up(run),
        },
        "forced_share": liquidations.forced_share(run),
        "stopped_share": liquidations.stopped_share(run),
        "healthy_closed_share": liquidations.healthy_closed_share(run),
        "saved_by_offset_share": saved_by_offset_share(run),
        "capital_efficiency": capital_efficiency(run),
        "equity_depletion": equity_depletion(run),
        "margin": margin(run),
        "bad_debt": losses.bad_debt(run),
        "aftermath": losses.aftermath(run),
        "uncollected": losses.uncollected(run),
        "equity_change": losses.equity_change(run),
        "account_loss": account_loss(run),
        "correlation": dependence(run),
        "maker_profit": losses.maker_profit(run),
        "makers_withdrawn": losses.makers_withdrawn(run),
        "open_interest_drop": _by_asset(run, interest.open_interest_drop(run, start)),
        "depth_min": _by_asset(run, liquidity.depth_min(run, start)),
        "spread_max": _by_asset(run, liquidity.spread_max(run, start)),
        "recovery_time": _by_asset(run, liquidity.recovery_time(run, start)),
        "empty_side_seconds": _by_asset(run, liquidity.empty_side_seconds(run)),
        "book_exhausted": _by_asset(run, liquidity.book_exhausted(run)),
        "stylised": {name: _by_asset(run, values) for name, values in stylised(run).items()},
        "halts": _by_asset(run, halts.halts(run)),
        "halted_seconds": _by_asset(run, halts.halted_seconds(run)),
    }


def _paired(run: Records, pairing: Pairing) -> Summary:
    """The measures that compare a run with its twins."""
    no_liquidation, no_shock = pairing.against("no_liquidation"), pairing.against("no_shock")
    if isinstance(no_liquidation, Missing):
        amplification = excess_fall = _all(run, no_liquidation)
    else:
        amplification = _by_asset(run, prices.amplification(run, no_liquidation, pairing.start))
        excess_fall = _by_asset(run, prices.excess_fall(run, no_liquidation))
    forced = no_shock if isinstance(no_shock, Missing) else prices.forced_fall(run, no_shock)
    return {
        "forced_fall": _all(run, forced) if isinstance(forced, Missing) else _by_asset(run, forced),
        "amplification": amplification,
        "excess_fall": excess_fall,
        "reproduction_number": reproduction_number(run, no_liquidation, pairing.start),
        "recovered_share": recovered_share(run, no_liquidation),
    }


def _contagion(run: Records, pairing: Pairing, matrix_runs: Mapping[str, Records]) -> Summary:
    """Rows of the contagion matrix by asset name: those of `matrix_runs`, and of the assets the scenario shocks."""
    assets, no_shock = run.meta.assets, pairing.against("no_shock")
    runs = {asset: run for asset in pairing.run.meta.shocked} | {assets.index(n): r for n, r in matrix_runs.items()}
    if isinstance(no_shock, Missing):
        return {assets[shocked]: _all(run, no_shock) for shocked in sorted(runs)}
    rows = contagion.contagion_matrix(runs, no_shock)
    return {assets[shocked]: _by_asset(run, rows[shocked]) for shocked in sorted(rows)}


def _by_asset(run: Records, values: Iterable[Any]) -> Summary:
    return dict(zip(run.meta.assets, values, strict=True))


def _all(run: Records, missing: Missing) -> Summary:
    return dict.fromkeys(run.meta.assets, missing)


def _blank(tree: Summary, missing: Missing) -> Summary:
    """The same keys, each with the same reason."""
    return {key: _blank(leaf, missing) if isinstance(leaf, dict) else missing for key, leaf in tree.items()}


def _resolve(tree: Summary, prefix: str, reasons: dict[str, str]) -> Summary:
    """Plain Python numbers; each `Missing` becomes None and its reason is noted under the dotted name."""
    plain: Summary = {}
    for key, leaf in tree.items():
        if isinstance(leaf, dict):
            plain[key] = _resolve(leaf, f"{prefix}{key}.", reasons)
        elif isinstance(leaf, Missing):
            plain[key], reasons[prefix + key] = None, leaf.reason
        else:
            plain[key] = leaf.item() if hasattr(leaf, "item") else leaf
    return plain
