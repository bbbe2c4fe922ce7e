"""The command `calibrate`: fit parameters of a scenario to moments that were measured elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from abm.cli.errors import STOPPED, Mistake
from abm.cli.run import WholeNumber, processors
from abm.cli.study_files import located
from abm.cli.workers import begin


@click.command("calibrate")
@click.argument("study")
@click.option("--jobs", type=WholeNumber(1), metavar="N", help="Processes of this machine.  [default: all processors]")
@click.option("--out", metavar="DIR", help="Directory of results.  [default: results/<study>]")
@click.option("--budget", type=WholeNumber(1), metavar="N", help="Points to try, instead of the study's.")
@click.option("--allow-version", is_flag=True, help="Keep runs that another version of the code made.")
def calibrate(study: str, jobs: int | None, out: str | None, budget: int | None, allow_version: bool) -> int:
    """Fit the parameters of STUDY (a TOML file or a name in experiments/) to its targets.

    The same command continues what was interrupted.
    """
    jobs = jobs or processors()
    begin(jobs)
    from abm.cli.calibrating import calibrate_into
    from abm.cli.sweeping import Order
    from abm.study.calibration import Calibration
    from abm.study.errors import StudyError

    file = located(study)
    try:
        calibration = Calibration.load(file).with_budget(budget)
        order = Order(
            out=Path(out or f"results/{file.stem}"),
            jobs=jobs,
            cluster=None,
            limit=None,
            allow_version=allow_version,
            retry_failed=False,
        )
        return 0 if calibrate_into(calibration, file, order) else STOPPED
    except StudyError as error:
        raise Mistake(str(error)) from None
