"""All figures of a run, drawn from what is stored: nothing is simulated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from abm.figures.cascade import cascade
from abm.figures.columns import low_step
from abm.figures.forest import forest
from abm.figures.health import health
from abm.figures.infection import infection
from abm.figures.losses import borne_by, losses
from abm.figures.matrix import matrix
from abm.figures.prices import prices
from abm.figures.reproduction import reproduction
from abm.figures.style import NAMES, RUN

Frames = Mapping[str, Mapping[str, pd.DataFrame]]  # `run` or twin -> steps, liquidations, events, health, seeds


def draw_all(frames: Frames, summary: Mapping[str, Any], directory: Path) -> list[Path]:
    """Write every figure the run has data for as PNG into an existing directory; the paths written.

    `frames[RUN]` holds all tables of the run, `frames[twin]` at least the twin's `steps`.
    """
    paths = []
    for name, figure in figures(frames, summary).items():
        path = directory / f"{name}.png"
        figure.savefig(path, dpi=200, metadata={"Software": None})
        paths.append(path)
    return paths


def figures(frames: Frames, summary: Mapping[str, Any]) -> dict[str, Figure]:
    """Every figure the run has data for, by name."""
    run, shock, currency = frames[RUN], summary["shock"], summary["currency"]
    steps = run["steps"]
    drawn = {
        "prices": prices({name: tables["steps"] for name, tables in frames.items()}, shock),
        "cascade": cascade(steps, shock, within=summary["depth_within"], currency=currency),
        "losses": losses(borne_by(summary), currency=currency),
    }
    if len(run["health"]):
        low = float(steps["seconds"].iloc[low_step(steps, shock["assets"] if shock else [])])
        drawn["health"] = health(run["health"], shock["start_seconds"] if shock else 0.0, low, currency=currency)
    if len(run.get("lineage", ())):
        lineage, seizures = run["lineage"], run["seizures"]
        drawn["infection"] = infection(lineage, seizures, run["liquidations"], summary["assets"], currency=currency)
        drawn["forest"] = forest(lineage, seizures, summary["assets"])
    if "seeds" in run:
        drawn["reproduction"] = reproduction(run["seeds"], summary["seeds"]["reproduction_number"])
    if rows := contagion_rows(summary):
        drawn["contagion"] = matrix(rows) if len(summary["contagion_matrix"]) > 1 else matrix(rows, label="shocked asset, market")
    return drawn


def contagion_rows(summary: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """The matrix where several rows were run; else the shocked asset's row in the run and in each twin that has one."""
    found: dict[str, dict[str, float | None]] = summary["contagion_matrix"]
    if len(found) != 1:
        return found
    (shocked,) = found
    markets = {RUN: found, **{name: twin["contagion_matrix"] for name, twin in summary["twins"].items()}}
    return {
        f"{shocked}, {NAMES.get(name, name)}": rows[shocked]
        for name, rows in markets.items()
        if any(entry is not None for entry in rows[shocked].values())
    }


def load(directory: Path) -> dict[str, dict[str, pd.DataFrame]]:
    """The stored tables of a run's directory and of the twins beside it (`twins/<name>`)."""
    found = {RUN: _tables(directory)}
    twins = directory / "twins"
    if twins.is_dir():
        found |= {twin.name: _tables(twin) for twin in sorted(twins.iterdir()) if twin.is_dir()}
    return found


def redraw(directory: Path) -> list[Path]:
    """Draw the figures of a stored run again, into its `figures`."""
    target = directory / "figures"
    target.mkdir(exist_ok=True)
    summary = json.loads((directory / "summary.json").read_text(encoding="utf-8"))
    return draw_all(load(directory), summary, target)


def _tables(directory: Path) -> dict[str, pd.DataFrame]:
    return {path.stem: pd.read_parquet(path) for path in sorted(directory.glob("*.parquet"))}
