"""The command `report`: tables and figures of a stored study. Nothing is simulated."""

from __future__ import annotations

from pathlib import Path

import click

from abm.cli.errors import Mistake


@click.command("report")
@click.argument("directory", metavar="DIR")
def report(directory: str) -> None:
    """Write tables (CSV, LaTeX) and figures (PDF, PNG) of the study stored in DIR, into DIR/report."""
    from abm.cli.reporting import write_report
    from abm.study.errors import StudyError

    try:
        write_report(Path(directory))
    except StudyError as error:
        raise Mistake(str(error)) from None
