"""The command `report`: tables and figures of a stored study, or the figures of a stored run. Nothing is simulated."""

from __future__ import annotations

from pathlib import Path

import click

from abm.cli.errors import Mistake


@click.command("report")
@click.argument("directory", metavar="DIR")
def report(directory: str) -> None:
    """Write tables (CSV, LaTeX) and figures (PDF, PNG) of the study stored in DIR, into DIR/report; of a run, draw its
    figures again.
    """
    if (Path(directory) / "summary.json").is_file():
        _redraw(directory)
        return
    from abm.cli.reporting import write_report
    from abm.study.errors import StudyError

    try:
        write_report(Path(directory))
    except StudyError as error:
        raise Mistake(str(error)) from None


def _redraw(directory: str) -> None:
    from abm.cli.results import summary_of
    from abm.figures.draw import redraw

    summary_of(directory)  # refuses what is no run
    try:
        drawn = redraw(Path(directory))
    except (OSError, KeyError, ValueError) as error:
        raise Mistake(f"{directory} cannot be drawn: {error}; run the scenario again") from None
    click.echo(f"{len(drawn)} figures in {Path(directory) / 'figures'}: {', '.join(path.name for path in drawn)}")
