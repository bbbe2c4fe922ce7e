"""The command line: dispatch, and every mistake in one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from abm.cli.attribute import attribute
from abm.cli.calibrate import calibrate
from abm.cli.compare import compare
from abm.cli.errors import MISTAKE, STOPPED, Mistake
from abm.cli.explain import explain
from abm.cli.film import film
from abm.cli.inspect import list_scenarios, params, show, validate
from abm.cli.report import report
from abm.cli.run import run
from abm.cli.stress import stress
from abm.cli.sweep import sweep
from abm.cli.view import view

HELP = ("-h", "--help")


@click.group(context_settings={"help_option_names": list(HELP)})
def commands() -> None:
    """Simulate contagion through shared collateral.

    Without a command: run experiments/baseline.toml, a crash with its twins.
    """


for command in (
    *(run, sweep, report, stress, attribute, calibrate, explain, compare, view, film),
    *(list_scenarios, show, params, validate),
):
    commands.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code: 0, 2 after a mistake of the user, 130 after Ctrl-C."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or (words[0].startswith("-") and words[0] not in HELP):
        words.insert(0, "run")
    try:
        with commands.make_context("run.py", words) as context:
            code = commands.invoke(context)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as end:  # --help
        return end.exit_code
    except click.ClickException as error:
        return _refused(_usage(error))
    except Mistake as error:
        return _refused(str(error))
    except KeyboardInterrupt:
        click.echo("stopped: nothing was kept; the same command starts again", err=True)
        return STOPPED
    except BrokenPipeError:  # the reader of our output has gone, as in `params | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _refused(message: str) -> int:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    return MISTAKE


def _usage(error: click.ClickException) -> str:
    message = error.format_message()
    if isinstance(error, click.exceptions.NoSuchCommand) and not error.possibilities:
        message += f" Known: {', '.join(commands.commands)}."
    return message[:1].lower() + message[1:]
