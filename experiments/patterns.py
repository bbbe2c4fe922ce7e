"""Market patterns: one question each, asked of a shipped scenario over many seeds. `python experiments/patterns.py --help`

Prints medians with their 95 % bootstrap intervals and writes, per pattern, `<name>.csv` (one row per point and seed with
every measure), `<name>-medians.csv` and `<name>.png`. What came out is in `experiments/README.md`.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from abm.clearing.journal import EventKind
from abm.measures.path import relative, total
from abm.measures.seeds import statistics
from abm.measures.summary import summarise
from abm.records import Records
from abm.scenario import Scenario
from abm.twins import SeedRuns, run_job, tasks

Point = Mapping[str, Any]  # dotted name -> value, over the scenario of the pattern
Row = dict[str, Any]  # dotted name of a measure -> number


@dataclass(frozen=True)
class Pattern:
    """A question, the points at which it is asked and the measures that answer it."""

    question: str
    x: str  # what the points vary
    points: Mapping[str, Point]
    panels: Mapping[str, tuple[str, ...]]  # label with unit -> measures, as named in the columns of the CSV
    scenario: str = "baseline"
    twins: tuple[str, ...] = ("no_liquidation",)
    seeds: int = 8

    @property
    def measures(self) -> list[str]:
        """Every measure in the panels, once."""
        return list(dict.fromkeys(name for names in self.panels.values() for name in names))


CALM: Point = {"world.shocks": []}
EXCESS = tuple(f"excess_fall.{asset}" for asset in ("BTC", "ETH", "SOL", "ALT"))
GONE = ("forced_share", "adl_share", "takeover_share")
CASCADE = {"excess fall, share of opening price": EXCESS, "share of open interest": GONE}
FALLS = tuple(f"fall.{asset}" for asset in ("BTC", "ETH", "SOL", "ALT"))
CRASH = {"fall, share of opening price": FALLS, "share of open interest": GONE}
HEDGED_SIZES = (-0.03, -0.05, -0.10, -0.20)
SIZES = (-0.03, -0.05, -0.08, -0.10, -0.15, -0.20, -0.25)
HEDGED: Point = {
    "population.pairs.open_interest_share": 0.4,
    "population.crowd.open_interest_share": 0.1,
    "population.crowd.count": 150,
    "population.pairs.count": 600,
}
LEVERAGED = {"crowd": 800, "pairs": 150, "hedgers": 300}  # accounts of the baseline; their open interest stays
TICKS = {"BTC": 10.0, "ETH": 0.4, "SOL": 0.02, "ALT": 0.0001}  # of the baseline
BOTH_MODES = {
    "share of open interest": tuple(
        f"{mode}{name}" for name in ("gone_share", "gone_share_elsewhere") for mode in ("", "twins.isolated.")
    ),
    "accounts": ("liquidations.accounts", "twins.isolated.liquidations.accounts"),
    "fall, share of opening price": tuple(f"{mode}fall.{asset}" for mode in ("", "twins.isolated.") for asset in ("BTC", "ETH")),
    "healthy by themselves, share of forced fills": ("healthy_closed_share", "twins.isolated.healthy_closed_share"),
}


def sizes(shocks: tuple[float, ...], **more: Any) -> dict[str, Point]:
    """Points that strike ETH by each size."""
    return {f"{100 * size:g} %": {"world.shocks.eth.size": size} | more for size in shocks}


def sweep(name: str, *values: float, also: tuple[str, ...] = ()) -> dict[str, Point]:
    """Points that set one parameter, and others to the same value."""
    return {f"{value:g}": dict.fromkeys((name, *also), value) for value in values}


PATTERNS = {
    "calm": Pattern(
        "Does nothing happen, and do makers live, when nothing is shocked?",
        "no shock",
        {"calm": CALM},
        {
            "share of open interest": ("forced_share",),
            "share of opening equity": ("maker_return",),
            "quoted spread, bp": ("calm.spread_bp.BTC", "calm.spread_bp.ALT"),
        },
        twins=(),
        seeds=40,  # 95 % of them
    ),
    "shock": Pattern("Does the cascade grow with the shock?", "shock to ETH", sizes(SIZES), CASCADE, seeds=12),
    "capital": Pattern(
        "Where is the cliff in the makers' capital?",
        "makers.capital_share",
        sweep("makers.capital_share", 0.005, 0.01, 0.02, 0.03, 0.06),
        CASCADE,
    ),
    "collateral": Pattern(
        "Does less collateral behind the same positions amplify a fall?",
        "collateral_scale of crowd and pairs",
        sweep("population.crowd.collateral_scale", 1.5, 1.2, 1.0, 0.85, 0.7, also=("population.pairs.collateral_scale",)),
        {"amplification, times": ("amplification.ETH",), **CASCADE},
    ),
    "hedged": Pattern(
        "With hedged books and one asset shocked: where does cross margin stop protecting and start spreading?",
        "shock to ETH",
        sizes(HEDGED_SIZES, **HEDGED),
        BOTH_MODES,
        twins=("isolated",),
        seeds=6,
    ),
    "hedged_all": Pattern(
        "The same when all assets are shocked together: a hedged pair as a whole loses little.",
        "shock to all assets",
        {
            label: {**point, "world.shocks.eth.assets": ["BTC", "ETH", "SOL", "ALT"]}
            for label, point in sizes(HEDGED_SIZES, **HEDGED).items()
        },
        BOTH_MODES,
        twins=("isolated",),
        seeds=6,
    ),
    "depth": Pattern(
        "Do the books empty at the low and fill again?",
        "length of the run, s",
        {"7200": {"time.duration": 7200.0}},
        {
            "bids within 1 %, share of calm": ("depth_min.BTC", "depth_min.ETH", "depth_min.SOL", "depth_min.ALT"),
            "time, s": ("recovery_time.BTC", "recovery_time.ETH", "recovery_time.SOL", "recovery_time.ALT"),
        },
        twins=(),
    ),
    "step": Pattern(
        "Do the headline measures depend on the length of the step?",
        "time.step_seconds",
        sweep("time.step_seconds", 5.0, 2.5, 1.25),
        CRASH,
        twins=(),
        seeds=6,
    ),
    "convergence": Pattern(
        "Are the headline measures artefacts of the length of the step, the number of accounts or the size of a tick?",
        "what is changed",
        {
            "as shipped": {},
            "step / 2": {"time.step_seconds": 2.5},
            "step / 4": {"time.step_seconds": 1.25},
            **{f"accounts x {n}": {f"population.{name}.count": n * held for name, held in LEVERAGED.items()} for n in (2, 4)},
            "tick / 2": {f"assets.{asset}.tick": size / 2 for asset, size in TICKS.items()} | {"assets.ALT.lot": 20.0},
            "tick x 2": {f"assets.{asset}.tick": size * 2 for asset, size in TICKS.items()},
        },
        {
            **CASCADE,
            "liquidations set off by one": ("reproduction_number.twins", "reproduction_number.genealogy"),
            "before the shock": ("reproduction_number.ex_ante", "ex_ante.critical_shock"),
        },
    ),
    "cross": Pattern(
        "How does the share of traders with cross margin change the cascade?",
        "population.cross_share",
        sweep("population.cross_share", 0.0, 0.25, 0.5, 0.75, 1.0),
        {**CRASH, "share of forced notional": ("healthy_closed_share",)},
        twins=(),
    ),
    "critical": Pattern(
        "Does even a small shock end in the same fall of everything?",
        "shock to ETH",
        sizes((-0.01, -0.03, -0.05, -0.08, -0.15)),
        CRASH,
        scenario="critical",
        twins=(),
        seeds=6,
    ),
    "october": Pattern(
        "How much of the fall of 10 October 2025 follows from the news before the onset and the forced selling it set off?",
        "news put in",
        {"both legs": {}, "first leg": {"world.shocks.second_leg.size": 0.0}},
        {
            "fall, share of opening price": FALLS,
            "excess fall": EXCESS,
            "share of open interest; recovered: of the fall": (
                *GONE, "adl_of_closed", "recovered.BTC", "recovered.ETH", "recovered.SOL",
            ),
            "time, s": ("first_adl_seconds", "forced_half_seconds"),
            "open interest gone, share": tuple(f"open_interest_drop.{asset}" for asset in ("BTC", "ETH", "SOL")),
        },
        scenario="october_2025",
        seeds=20,
    ),
    "venues": Pattern(
        "Do two venues agree in the calm and part in the crash?",
        "who carries prices between the venues",
        {
            "arbitrage": {},
            "nobody": {"population.arbitrage.count": 0},
            "and universal margin": {"population.universal_share": 0.5},
        },
        {
            "gap of marks, share of opening price": tuple(
                f"venue_gap.{when}.{asset}" for when in ("calm", "crash") for asset in ("BTC", "ETH", "ALT")
            ),
            "fall, share of opening price": FALLS,
        },
        scenario="two_venues",
        twins=(),
        seeds=6,
    ),
}  # fmt: skip


def measured(runs: SeedRuns, twins: tuple[str, ...]) -> Row:
    """Every measure of the summary and those that only the patterns need, under flat names."""
    assert runs.run is not None
    row = dict(flat(summarise(runs.run, runs.twins, expected=twins), ""))
    for prefix, records in {"": runs.run, **{f"twins.{name}.": twin for name, twin in runs.twins.items()}}.items():
        row |= {prefix + name: value for name, value in extra(records, row, prefix).items()}
    return row


def flat(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """The numbers of a nested summary by dotted name, None where undefined."""
    for key, leaf in tree.items():
        if isinstance(leaf, Mapping) and key not in ("unavailable", "shock"):
            yield from flat(leaf, f"{prefix}{key}.")
        elif leaf is None or isinstance(leaf, (int, float)):
            yield prefix + key, leaf


def extra(records: Records, row: Row, prefix: str) -> Row:
    """Shares of one-sided open interest at the opening, timing of ADL, rebound, and what books look like before a shock."""
    meta = records.meta
    opening = total(meta, np.asarray(meta.opening_notional * meta.cash_unit, dtype=np.float64))

    def share(*names: str, within: Sequence[int] = range(len(meta.assets))) -> float | None:
        """Of the open interest of some assets, what was closed in these ways."""
        closed = sum(row[f"{prefix}liquidations.{name}.{meta.assets[a]}"] for name in names for a in within)
        return float(closed / opening[list(within)].sum()) if len(within) else None

    gone, by_adl = share("notional", "adl"), share("adl")
    elsewhere = [a for a in range(len(meta.assets)) if a not in meta.shocked]
    capital = meta.opening_maker_equity * meta.cash_unit
    return {
        "adl_share": by_adl,
        "takeover_share": share("takeover"),
        "gone_share": gone,
        "gone_share_elsewhere": share("notional", "adl", within=elsewhere),
        "adl_of_closed": by_adl / gone if gone and by_adl is not None else None,
        "maker_return": row[f"{prefix}maker_profit"] / capital if capital else None,
        "first_adl_seconds": first_adl(records),
        "forced_half_seconds": forced_half(records),
        **{f"recovered.{meta.assets[a]}": share for a, share in enumerate(recovered(records))},
        **{f"calm.spread_bp.{name}": spread for name, spread in spreads(records).items()},
        **venue_gaps(records),
    }


def first_adl(records: Records) -> float | None:
    """Seconds from the first seized account to the first auto-deleveraging."""
    kinds, step = records.events["kind"], records.events["step"]
    entered, adl = step[kinds == EventKind.ENTERED], step[kinds == EventKind.ADL]
    return float(adl.min() - entered.min()) * records.meta.step_seconds if len(adl) and len(entered) else None


def forced_half(records: Records) -> float | None:
    """Seconds from the opening until half of the forced notional had been filled."""
    filled = records.per_instrument["forced_value"].sum(axis=1).cumsum()
    return float(records.seconds[np.searchsorted(filled, filled[-1] / 2)]) if filled[-1] else None


def recovered(records: Records) -> list[float | None]:
    """Share of the fall from before the shock to the low that the mark has made good at the end, per asset."""
    start = records.meta.shock_step or 0
    path = relative(records)
    before, low, end = path[max(start - 1, 0)], path[start:].min(axis=0), path[-1]
    return [float((e - w) / (b - w)) if b > w else None for b, w, e in zip(before, low, end, strict=True)]


def spreads(records: Records) -> dict[str, float]:
    """Median quoted spread before the shock, basis points, by instrument."""
    until = records.meta.shock_step or len(records)
    bid, ask = (records.per_instrument[side][:until].astype(float) for side in ("bid", "ask"))
    quoted = np.where((bid > 0) & (ask > 0), 2e4 * (ask - bid) / np.maximum(ask + bid, 1), np.nan)
    return dict(zip(records.meta.instruments.names, np.nanmedian(quoted, axis=0).tolist(), strict=True))


def venue_gaps(records: Records) -> Row:
    """Largest gap between an asset's marks on the venues before the shock and after; nothing with one venue."""
    meta = records.meta
    marks, start = records.per_instrument["mark"] / meta.instruments.opening_tick, meta.shock_step or 0
    found: Row = {}
    for a, asset in enumerate(meta.assets):
        mine = marks[:, meta.instruments.asset == a]
        if mine.shape[1] > 1 and start:
            gap = mine.max(axis=1) - mine.min(axis=1)
            found |= {f"venue_gap.calm.{asset}": float(gap[:start].max()), f"venue_gap.crash.{asset}": float(gap[start:].max())}
    return found


def ask(pattern: Pattern, seeds: int, jobs: int) -> list[Row]:
    """One row per point and seed."""
    rows = []
    for label, point in pattern.points.items():
        scenario = Scenario.load(pattern.scenario).with_(dict(point))
        todo = tasks(scenario, range(seeds), pattern.twins, matrix=False)
        found = [{"point": label, **measured(runs, pattern.twins)} for runs in run_job(todo, jobs=jobs)]
        click.echo(f"  {label}: {len(todo)} runs", err=True)
        rows += sorted(found, key=lambda row: row["seed"])
    return rows


def medians(pattern: Pattern, rows: list[Row]) -> list[Row]:
    """One row per point and measure of the panels: median, quantiles, interval, count."""
    return [
        {"point": point, "measure": name}
        | statistics([row[name] for row in rows if row["point"] == point and row.get(name) is not None])
        for point in pattern.points
        for name in pattern.measures
    ]


def table(rows: list[Row]) -> str:
    """Measures down, points across, `median [low, high]`, as a table of Markdown."""
    points = list(dict.fromkeys(row["point"] for row in rows))
    cells = {(row["measure"], row["point"]): cell(row) for row in rows}
    names = list(dict.fromkeys(row["measure"] for row in rows))
    lines = [["measure", *points], ["---"] * (len(points) + 1), *([name, *(cells[name, p] for p in points)] for name in names)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(row: Row) -> str:
    """`median [low, high]` to three digits."""
    if row["median"] is None:
        return "-"
    interval = "" if row["low"] is None else f" [{row['low']:.3g}, {row['high']:.3g}]"
    return f"{row['median']:.3g}{interval}"


def write(rows: list[Row], path: Path) -> None:
    """Rows as CSV; columns are the keys of all rows in order of appearance."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def draw(pattern: Pattern, directory: Path, name: str) -> None:
    """The figure, from the stored medians alone."""
    import pandas as pd

    from abm.figures.pattern import pattern as figure

    stored = pd.read_csv(directory / f"{name}-medians.csv", dtype={"point": str})
    figure(stored, pattern.panels, x=pattern.x).savefig(directory / f"{name}.png", metadata={"Software": None})


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(PATTERNS)))
@click.option("--seeds", type=click.IntRange(1), help="Seeds 0 to N-1.  [default: the pattern's own]")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Processes.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("results/patterns"), show_default=True)
@click.option("--redraw", is_flag=True, help="Only draw the figures again from the stored medians.")
def main(names: tuple[str, ...], seeds: int | None, jobs: int, out: Path, redraw: bool) -> None:
    """Run the patterns NAMES, all of them by default."""
    out.mkdir(parents=True, exist_ok=True)
    for name in names or PATTERNS:
        pattern = PATTERNS[name]
        if not redraw:
            click.echo(f"{name}: {pattern.question}", err=True)
            rows = ask(pattern, seeds or pattern.seeds, jobs)
            write(rows, out / f"{name}.csv")
            write(medians(pattern, rows), out / f"{name}-medians.csv")
            click.echo(table(medians(pattern, rows)))
        draw(pattern, out, name)


if __name__ == "__main__":
    sys.exit(main())
