"""Replay of the real minutes of 10 October 2025 up to the onset of forced selling, where the recorded files are at hand.

`python experiments/replay.py` looks for them in `../shared/data` beside the repository and says so where they are absent; they
are not part of it. Values stand still after the onset, since the recording holds the cascade itself from then on.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import pandas as pd
from patterns import EXCESS, FALLS, GONE, Pattern, ask, medians, table, write

RECORDED = Path(__file__).resolve().parents[2] / "shared" / "data" / "oct10_2025_1min_trades_multi.parquet"
OPENING, ONSET, END = (pd.Timestamp(f"2025-10-10 {time}") for time in ("20:40", "21:15", "22:00"))
MAJORS = {"BTCUSD": "BTC", "ETHUSD": "ETH", "SOLUSD": "SOL"}  # Gemini
OTHERS = 5  # fewest Coinbase pairs whose median is the alt


def minutes(recorded: Path) -> pd.DataFrame:
    """Closes by the end of their minute, `time`, BTC, ETH, SOL (Gemini) and ALT (median Coinbase pair, 20:40 = 1), to the onset.

    Each pair's last close is carried over minutes without a trade; one more row holds the last prices to 22:00.
    """
    bars = pd.read_parquet(recorded)
    bars["time"] = pd.to_datetime(bars["time_utc"]) + pd.Timedelta(minutes=1)  # a close is known when its minute is over
    closes = {
        name: venue.pivot(index="time", columns="symbol", values="close").ffill() for name, venue in bars.groupby("exchange")
    }
    gemini, coinbase = (closes[name].astype(float).loc[OPENING:ONSET] for name in ("gemini", "coinbase"))
    table = gemini[list(MAJORS)].rename(columns=MAJORS)
    others = coinbase.dropna(axis=1)
    if others.shape[1] < OTHERS:
        raise click.ClickException(f"{recorded.name}: only {others.shape[1]} Coinbase pairs trade from {OPENING:%H:%M} on")
    table["ALT"] = (others / others.iloc[0]).median(axis=1).reindex(table.index, method="ffill")
    table.loc[END] = table.iloc[-1]
    return table.rename_axis("time").reset_index()


def replay(file: Path) -> Pattern:
    """October with the recorded minutes in place of its shocks; the shocks themselves are the pattern `october`."""
    recorded = {"world.shocks": [], "world.path": {"file": str(file)}}
    return Pattern(
        "Does the real path to the onset end as the two ramps do?",
        "news put in",
        {"recorded minutes": recorded},
        {"fall, share of opening price": FALLS, "excess fall": EXCESS, "share": (*GONE, "adl_of_closed")},
        scenario="october_2025",
    )


@click.command()
@click.option("--seeds", type=click.IntRange(1), default=8, show_default=True, help="Seeds 0 to N-1.")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Processes.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("results/patterns"), show_default=True)
def main(seeds: int, jobs: int, out: Path) -> None:
    """Replay the recorded minutes; compare with the two ramps: `python experiments/patterns.py october`."""
    if not RECORDED.is_file():
        click.echo(f"nothing replayed: no recorded minutes at ../shared/data/{RECORDED.name}", err=True)
        return
    out.mkdir(parents=True, exist_ok=True)
    file = (out / "october-minutes.csv").resolve()
    minutes(RECORDED).to_csv(file, index=False)
    pattern = replay(file)
    rows = ask(pattern, seeds, jobs)
    write(rows, out / "replay.csv")
    write(medians(pattern, rows), out / "replay-medians.csv")
    click.echo(table(medians(pattern, rows)))


if __name__ == "__main__":
    sys.exit(main())
