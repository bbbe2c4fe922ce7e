"""The command `sweep`: run a study, continue it, or say how long it would take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from abm.cli.errors import STOPPED, Mistake
from abm.cli.inspect import SET
from abm.cli.run import WholeNumber, processors
from abm.cli.study_files import located
from abm.cli.workers import begin

if TYPE_CHECKING:
    from abm.study.study import Study


@click.command("sweep")
@click.argument("study")
@SET
@click.option("--jobs", type=WholeNumber(1), metavar="N", help="Processes of this machine.  [default: all processors]")
@click.option("--out", metavar="DIR", help="Directory of results.  [default: results/<study>]")
@click.option("--cluster", metavar="ADDRESS", help="A Dask scheduler, as in tcp://10.0.0.1:8786; mpi under mpiexec.")
@click.option("--limit", type=WholeNumber(1), metavar="N", help="Stop after N runs; the same command continues.")
@click.option("--replications", type=WholeNumber(1), metavar="N", help="Runs of each point, instead of the study's.")
@click.option("--dry-run", is_flag=True, help="Say how many runs, how long and how large; keep nothing.")
@click.option("--allow-version", is_flag=True, help="Keep runs that another version of the code made.")
@click.option("--retry-failed", is_flag=True, help="Run the failed ones again.")
def sweep(study: str, sets: tuple[str, ...], **chosen: Any) -> int:
    """Run STUDY (a TOML file or a name in experiments/studies): every point and seed once, stored as they come.

    The same command continues it.
    """
    jobs = chosen["jobs"] or processors()
    if not chosen["dry_run"]:
        begin(jobs, chosen["cluster"])
    from abm.cli.studied import subject
    from abm.cli.sweeping import Order, probe, sweep_into
    from abm.study.errors import StudyError
    from abm.study.plan import Plan

    file = located(study)
    try:
        asked = changed(_loaded(file), sets, chosen["replications"])
        plan = Plan.of(asked, subject(asked, file))
        order = Order(
            out=Path(chosen["out"] or f"results/{file.stem}"),
            jobs=jobs,
            cluster=chosen["cluster"],
            limit=chosen["limit"],
            allow_version=chosen["allow_version"],
            retry_failed=chosen["retry_failed"],
        )
        if chosen["dry_run"]:
            probe(plan, order)
            return 0
        return 0 if sweep_into(plan, order) else STOPPED
    except StudyError as error:
        raise Mistake(str(error)) from None


def changed(study: Study, sets: tuple[str, ...], replications: int | None) -> Study:
    """The study with what the command line says instead."""
    from abm.scenario.errors import ScenarioError
    from abm.scenario.overrides import parsed
    from abm.study.study import Study

    tree = study.dump()
    try:
        tree["set"] = tree["set"] | dict(parsed(text) for text in sets)
    except ScenarioError as error:
        raise Mistake(str(error)) from None
    if replications is not None:
        tree["replications"] = replications
    return Study.of(tree)


def _loaded(file: Path) -> Study:
    from abm.study.study import Study

    return Study.load(file)
