"""Between the runs of a job and its user: summaries, files in the claimed directory, words on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click
import pandas as pd

from abm.cli import carriers
from abm.cli.console import console
from abm.cli.output import PROVENANCE, Claim, dumps, write_json
from abm.cli.progress import progress
from abm.cli.provenance import provenance
from abm.cli.table import table
from abm.cli.words import words
from abm.figures.draw import redraw
from abm.measures.seeds import summarise_seeds
from abm.measures.summary import summarise
from abm.task import flat
from abm.twins import USUAL, SeedRuns, run_job, tasks

if TYPE_CHECKING:
    from abm.cli.run import Job


def simulate(job: Job) -> Iterator[SeedRuns]:
    """All runs of each seed, in the order in which seeds are complete, behind a progress bar."""
    todo = tasks(job.scenario, job.seeds, job.twins, matrix=job.matrix)
    with progress(len(todo), job.scenario.name) as advance:
        yield from run_job(todo, jobs=job.jobs, done=lambda task: advance(f"seed {task.seed}, {task.twin}"))


def publish(job: Job, runs: Iterable[SeedRuns], claimed: Claim) -> None:
    """Write every file of a run's directory, put it in place, and tell the user."""
    started = perf_counter()
    summaries: dict[int, dict[str, Any]] = {}
    for seed_runs in runs:
        summaries[seed_runs.seed] = _summary(seed_runs)
        if seed_runs.seed == job.seeds[0]:
            save_tables(claimed.directory, seed_runs)
    summary = _over_seeds([summaries[seed] for seed in job.seeds])
    origin = provenance(job.scenario, job.seeds)
    write_files(claimed.directory, job, summary, origin)
    if len(job.seeds) > 1:
        by_seed([summaries[seed] for seed in job.seeds]).to_parquet(claimed.directory / "seeds.parquet")
    redraw(claimed.directory)
    claimed.complete()
    for warning in summary.get("seeds", {}).get("warnings", []):
        click.echo(f"warning: {warning}", err=True)
    if job.as_json:
        timing = {"seconds": round(perf_counter() - started, 3)}
        click.echo(dumps({**summary, "provenance": origin, "timing": timing}), nl=False)
    else:
        tell(job, summary)


def tell(job: Job, summary: dict[str, Any]) -> None:
    """The tables, the paragraph and where the files are."""
    shown = console()
    for drawn in (table(summary), *carriers.tables(summary)):
        shown.print(drawn)
    shown.print(f"\n{words(summary)}\n")
    shown.print(f"results and figures in {job.out}", soft_wrap=True)


def save_tables(directory: Path, runs: SeedRuns) -> None:
    """The tables of a seed's run, and of its twins and matrix runs under `twins`."""
    others = {**runs.twins, **{f"shock-{asset}": records for asset, records in runs.matrix.items()}}
    for name, records in others.items():
        (directory / "twins" / name).mkdir(parents=True)
        records.save(directory / "twins" / name)
    assert runs.run is not None, "a seed is complete only with its run"
    runs.run.save(directory)


def write_files(directory: Path, job: Job, summary: dict[str, Any], origin: dict[str, Any]) -> None:
    """Scenario, summary and provenance: what replays and what came out."""
    (directory / "scenario.toml").write_text(job.scenario.to_toml(), encoding="utf-8")
    write_json(directory / "summary.json", summary)
    write_json(directory / PROVENANCE, origin)


def by_seed(summaries: list[dict[str, Any]]) -> pd.DataFrame:
    """A row per seed: `seed`, then every measure under its dotted name, empty where it is not defined."""
    rows = [{"seed": summary["seed"], **dict(flat(summary))} for summary in summaries]
    return pd.DataFrame(rows).astype({name: float for name in rows[0] if name != "seed"})


def _summary(runs: SeedRuns) -> dict[str, Any]:
    assert runs.run is not None, "a seed is complete only with its run"
    return summarise(runs.run, runs.twins, runs.matrix, expected=USUAL)


def _over_seeds(summaries: list[dict[str, Any]]) -> dict[str, Any]:
    """The first seed's summary; with several seeds their statistics beside it, under `seeds`."""
    first = summaries[0]
    if len(summaries) == 1:
        return first
    spread = summarise_seeds(summaries)
    reasons = {**first["unavailable"], **spread.get("unavailable", {})}
    return {**first, "seeds": spread["seeds"], "unavailable": reasons}
