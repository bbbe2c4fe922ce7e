"""The attribution tables of a run: what is gone with each channel switched off, and through what the liquidated had lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from abm.cli.reading import Reading, Readings, Write, money, percent
from abm.cli.table import MISSING

SAID = {"excess_fall": "excess fall of the others, %", "forced_share": "forced share, %", "bad_debt": "bad debt"}
OFF = {"cross_margin": "shared collateral", "impact": "price impact of forced orders", "adl": "auto-deleveraging"}
CAUSES = {
    "outside": "outside value",
    "quotes": "quotes moved",
    "trades": "trades of others",
    "forced": "forced orders",
    "unwind": "unwinding",
    "stops": "stop orders",
    "rest": "rounding",
}


def tables(summary: Mapping[str, Any]) -> Iterator[Table]:
    """That of the channels, and that of the losses where somebody was seized; none where neither is available."""
    readings = Readings(summary)
    if any(_effect(readings, outcome, channel) for outcome in SAID for channel in OFF):
        yield channels(readings)
    if readings.read(f"attribution.lost.{readings.assets[0]}.forced") is not None:
        yield losses(readings)


def channels(readings: Readings) -> Table:
    """Outcomes as columns: the run's, and what is gone when one channel alone is off, with its share of the run's."""
    sure = "one seed: no interval; --seeds N gives intervals from 6 on"
    if readings.seeds > 1:
        sure = "medians over seeds, in brackets the 95 % interval of the median of the share"
    drawn = Table(
        title="attribution: what is gone when one channel alone is switched off, % of the run's",
        caption=f"{sure}; shares need not add up, two channels may carry the same fall; more channels: run.py attribute",
        title_justify="left",
        caption_justify="left",
    )
    drawn.add_column("switched off", no_wrap=True)
    for outcome, said in SAID.items():
        drawn.add_column(f"{said}, {readings.currency}" if outcome == "bad_debt" else said, justify="right")
    totals = (readings.read(f"attribution.{outcome}.total") for outcome in SAID)
    drawn.add_row("nothing (the run)", *(_said(one, outcome) for one, outcome in zip(totals, SAID, strict=True)))
    drawn.add_section()
    for channel, said in OFF.items():
        drawn.add_row(said, *(_gone(readings, outcome, channel) for outcome in SAID))
    return drawn


def losses(readings: Readings) -> Table:
    """Assets as rows, causes as columns: through what the seized accounts had lost, in percent of all they had lost."""
    drawn = Table(
        title="attribution: through what liquidated accounts had lost, % of their losses",
        caption="since each position last changed; forced orders are those of earlier liquidations",
        title_justify="left",
        caption_justify="left",
    )
    drawn.add_column("in", no_wrap=True)
    causes = list(readings.summary["attribution"]["lost"][readings.assets[0]])
    for cause in causes:
        drawn.add_column(CAUSES.get(cause, cause.replace("_", " ")), justify="right")
    for asset in readings.assets:
        drawn.add_row(asset, *(_said(readings.read(f"attribution.lost.{asset}.{cause}"), "lost") for cause in causes))
    return drawn


def _effect(readings: Readings, outcome: str, channel: str) -> Reading | None:
    return readings.read(f"attribution.{outcome}.drop.{channel}.effect")


def _gone(readings: Readings, outcome: str, channel: str) -> str:
    effect, share = _effect(readings, outcome, channel), readings.read(f"attribution.{outcome}.drop.{channel}.share")
    if effect is None or share is None:
        return _said(effect, outcome)
    return f"{_write(outcome)(effect.value)}\n{share.said(percent)} %"


def _said(reading: Reading | None, outcome: str) -> str:
    return MISSING if reading is None else _write(outcome)(reading.value)


def _write(outcome: str) -> Write:
    return money if outcome == "bad_debt" else percent
