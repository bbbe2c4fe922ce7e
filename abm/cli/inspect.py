"""Commands that look at scenarios without running them: list, show, params, validate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from abm.cli.errors import MISTAKE, Mistake, hint
from abm.cli.load import load

if TYPE_CHECKING:
    from pathlib import Path

    from abm.scenario.parameters import Parameter

SET = click.option("--set", "sets", metavar="KEY=VALUE", multiple=True, help="Change one parameter; repeatable.")


@click.command("list")
def list_scenarios() -> None:
    """Name the scenarios and studies in experiments/ and the question each asks."""
    from abm.cli import study_files
    from abm.scenario.files import shipped

    for what, paths in (("scenarios", shipped()), ("studies (sweep; calibrate)", study_files.shipped())):
        click.echo(f"{what}:")
        for path in paths:
            click.echo(f"  {path.stem:<24}{_question(path)}")


def _question(path: Path) -> str:
    from abm.scenario.errors import ScenarioError
    from abm.scenario.files import toml_of

    try:
        return str(toml_of(path).get("question", ""))
    except ScenarioError as error:
        return str(error)


@click.command("show")
@click.argument("scenario")
@SET
def show(scenario: str, sets: tuple[str, ...]) -> None:
    """Print SCENARIO complete, with every default, as TOML."""
    click.echo(load(scenario, sets).to_toml(), nl=False)


@click.command("params")
@click.argument("prefix", default="")
@click.option("--scenario", default="baseline", show_default=True, help="Scenario whose parameters are listed.")
@SET
def params(prefix: str, scenario: str, sets: tuple[str, ...]) -> None:
    """List every parameter whose dotted name begins with PREFIX: value, unit, bounds, default, help, source."""
    from abm.scenario.parameters import parameters

    rows = list(parameters(load(scenario, sets)))
    chosen = [row for row in rows if row.name == prefix or row.name.startswith(prefix)]
    if not chosen:
        raise Mistake(f"no parameter begins with {prefix!r}; {hint(prefix, _beginnings(rows))}")
    for row in chosen:
        click.echo(f"{row.name} = {_toml(row.value)}  [{', '.join(_facts(row))}]")
        click.echo(f"    {row.help} Source: {row.source}.")


@click.command("validate")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
def validate(files: tuple[str, ...]) -> int:
    """Check scenario files; one line each, exit code 2 if one is refused."""
    refused = 0
    for name in files:
        try:
            load(name)
        except Mistake as error:
            click.echo(f"error: {error}", err=True)
            refused += 1
        else:
            click.echo(f"ok: {name}")
    return MISTAKE if refused else 0


def _facts(row: Parameter) -> list[str]:
    default = "no default" if row.default is None else f"default {_toml(row.default)}"
    return [fact for fact in (row.unit, row.bounds, default) if fact]


def _beginnings(rows: list[Parameter]) -> list[str]:
    """Every dotted name and every beginning of one."""
    parts = [row.name.split(".") for row in rows]
    return list(dict.fromkeys(".".join(words[:n]) for words in parts for n in range(1, len(words) + 1)))


def _toml(value: Any) -> str:
    """A value as a TOML file would write it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(entry) for entry in value)}]"
    return "none" if value is None else f"{value:.12g}" if isinstance(value, float) else str(value)
