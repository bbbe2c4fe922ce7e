"""The table of a run and its twins, as the main job prints it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from rich.table import Table

from abm.cli.reading import Reading, Readings, Write, money, percent, times, whole

HEADS = {
    "no_shock": "no shock",
    "isolated": "isolated",
    "no_impact": "no impact",
    "no_adl": "no ADL",
    "no_liquidation": "no liq.",
}
BEARERS = {
    "insurance_fund": "insurance fund",
    "keeper": "keeper",
    "adl": "auto-deleveraged accounts",
    "member": "clearing members",
    "skin_in_the_game": "the house's own money",
    "members_fund": "other members' contributions",
    "assessments": "calls on other members",
    "gains_haircut": "cuts of gains",
    "socialised": "all others (socialised)",
}
ALWAYS = ("insurance_fund", "keeper", "adl", "socialised")
MISSING = "–"


class Row(NamedTuple):
    """One line: its label, the dotted name of its measure, and how the number is written."""

    label: str
    name: str
    write: Write
    lost: bool = False  # the measure is what is left, the line says what is gone


def table(summary: Mapping[str, Any]) -> Table:
    """Run and twins as columns; headline measures, then each measure by asset. Not available is a dash."""
    readings = Readings(summary)
    twins = [name for name in summary["twins"] if readings.read(f"twins.{name}.liquidations.accounts") is not None]
    title = f"{summary['scenario']}, " + (f"{readings.seeds} seeds" if readings.seeds > 1 else f"seed {summary['seed']}")
    drawn = Table(title=title, caption=_caption(readings), title_justify="left", caption_justify="left")
    drawn.add_column("measure", no_wrap=True)
    for head in ("run", *(HEADS.get(name, name) for name in twins)):
        drawn.add_column(head, justify="right", header_style="bold" if head == "run" else "")
    for section in _sections(readings):
        drawn.add_section()
        for row in section:
            cells = (_cell(readings.read(prefix + row.name), row) for prefix in ("", *(f"twins.{name}." for name in twins)))
            drawn.add_row(row.label, *cells)
    return drawn


def _bears(readings: Readings, part: str) -> bool:
    """Layers that only some houses have are told where they bore something."""
    reading = readings.read(f"bad_debt.{part}")
    return part in ALWAYS or (reading is not None and reading.value > 0)


def _sections(readings: Readings) -> Iterator[list[Row]]:
    assets, shocked = readings.assets, readings.shocked
    yield [Row(f"amplification of {asset}, times", f"amplification.{asset}", times) for asset in shocked]
    yield [Row(f"excess fall of {asset}, %", f"excess_fall.{asset}", percent) for asset in assets]
    yield [Row(f"{by} → {asset}, %", f"contagion_matrix.{by}.{asset}", percent) for by in shocked for asset in assets]
    yield [
        Row("accounts liquidated", "liquidations.accounts", whole),
        *(Row(f"  with fills in {asset}", f"liquidations.accounts_by_asset.{asset}", whole) for asset in assets),
    ]
    yield [Row(f"liquidated {asset}, {readings.currency}", f"liquidations.notional.{asset}", money) for asset in assets]
    yield [
        Row("forced share of open interest, %", "forced_share", percent),
        Row("healthy positions closed, %", "healthy_closed_share", percent),
    ]
    yield [
        Row("loss through forced orders, %", "genealogy.forced_loss_share", percent),
        Row("reproduction number, genealogy", "reproduction_number.genealogy", times),
        Row("  by twins", "reproduction_number.twins", times),
        Row("  before the shock", "reproduction_number.ex_ante", times),
        Row("generations", "genealogy.generations", whole),
        Row("largest tree, liquidations", "genealogy.largest_tree", whole),
    ]
    yield [
        Row(f"bad debt, {readings.currency}", "bad_debt.total", money),
        *(Row(f"  by {label}", f"bad_debt.{part}", money) for part, label in BEARERS.items() if _bears(readings, part)),
        Row(f"uncollected, {readings.currency}", "uncollected", money),
        Row(f"makers' profit, {readings.currency}", "maker_profit", money),
    ]
    yield [Row(f"open-interest drop of {asset}, %", f"open_interest_drop.{asset}", percent) for asset in assets]
    yield [Row(f"deepest book loss of {asset}, %", f"depth_min.{asset}", percent, lost=True) for asset in assets]


def _cell(reading: Reading | None, row: Row) -> str:
    if reading is None:
        return MISSING
    shown = reading.lost() if row.lost else reading
    interval = shown.interval(lambda number: row.write(number).replace(" ", "")).strip()
    return f"{row.write(shown.value)}\n{interval}" if interval else row.write(shown.value)


def _caption(readings: Readings) -> str:
    notes = ["excess fall: below the run without liquidations"]
    if readings.shocked:
        notes.append("A → B: fall of B per unit of fall forced on A")
    notes.append(f"deepest book loss: bids within {100 * readings.summary['depth_within']:g} % of the mark, against the calm")
    if readings.read("genealogy.forced_loss_share") is not None:
        notes.append("reproduction number: liquidations set off by one; its tree: those that descend from it")
    if readings.seeds > 1:
        notes.append("medians over seeds, 95 % interval of the median in brackets where the seeds are enough and it has width")
    return "; ".join([*notes, f"{MISSING} not available: the summary says why"])
