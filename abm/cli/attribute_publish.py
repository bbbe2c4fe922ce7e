"""Between the runs of an attribution and its user: effects and shares, files, table and words on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click
import pandas as pd
from rich.table import Table

from abm.cli.console import console
from abm.cli.errors import Mistake
from abm.cli.output import PROVENANCE, Claim, dumps, write_json
from abm.cli.progress import progress
from abm.cli.provenance import provenance
from abm.cli.reading import percent
from abm.cli.table import MISSING
from abm.figures.attribution import KINDS, attribution
from abm.measures.attribution import On, effects, share, total
from abm.measures.outcomes import OUTCOMES
from abm.measures.seeds import ENOUGH, statistics
from abm.measures.value import Missing, Value

if TYPE_CHECKING:
    from abm.cli.attribute import AttributionJob


def simulate(job: AttributionJob) -> list[dict[On, Value]]:
    """The outcomes of each seed, behind a progress bar."""
    with progress(len(job.asked.trials()), f"attribution of {job.asked.scenario.name}") as advance:
        return job.asked.games(jobs=job.jobs, done=lambda trial: advance(f"seed {trial.seed}"))


def publish(job: AttributionJob, games: Sequence[Mapping[On, Value]], claimed: Claim) -> None:
    """Write every file, put the directory in place, and tell the user."""
    started = perf_counter()
    result = summary(job, games)
    origin = provenance(job.asked.scenario, job.asked.seeds) | {"request": job.request}
    table = frame(result)
    directory = claimed.directory
    (directory / "scenario.toml").write_text(job.asked.scenario.to_toml(), encoding="utf-8")
    write_json(directory / "attribution.json", result)
    write_json(directory / PROVENANCE, origin)
    table.to_parquet(directory / "attribution.parquet")
    table.to_csv(directory / "attribution.csv", index=False)
    (directory / "figures").mkdir()
    if table["share"].notna().any():
        drawn = attribution(table, measure=job.asked.measure)
        drawn.savefig(directory / "figures" / "attribution.png", dpi=200, metadata={"Software": None})
    claimed.complete()
    if job.as_json:
        click.echo(dumps({**result, "provenance": origin, "timing": {"seconds": round(perf_counter() - started, 3)}}), nl=False)
    else:
        tell(job, result)


def summary(job: AttributionJob, games: Sequence[Mapping[On, Value]]) -> dict[str, Any]:
    """Totals, effects and shares; effects by seed as well, since these add up seed by seed."""
    asked, outcome = job.asked, OUTCOMES[job.asked.measure]
    known = [_defined(game, seed, asked.measure) for game, seed in zip(games, asked.seeds, strict=True)]
    totals = [total(game, asked.channels) for game in known]
    each = [effects(game, asked.channels, asked.design) for game in known]
    reasons: dict[str, str] = {}
    found: dict[str, Any] = {}
    for kind, named in each[0].items():
        for name in named:
            values = [one[kind][name] for one in each]
            shares = share(values, totals, floor=outcome.floor)
            found.setdefault(kind, {})[name] = {"effect": statistics(values), "share": shares, "by_seed": values}
    result = {
        "scenario": asked.scenario.name,
        "measure": asked.measure,
        "unit": outcome.unit.replace("currency", asked.scenario.money.currency),
        "design": asked.design,
        "channels": list(asked.channels),
        "off_already": list(asked.idle()),
        "seeds": {"count": len(asked.seeds), "list": list(asked.seeds)},
        "with_all": statistics([game[frozenset(asked.channels)] for game in known]),
        "without_all": statistics([game[frozenset()] for game in known]),
        "total": {**statistics(totals), "by_seed": totals},
        "effects": found,
    }
    few = f"an interval needs {ENOUGH} seeds, there are {len(asked.seeds)}"
    return {**_plain(result, "", few, reasons), "unavailable": reasons}


def _defined(game: Mapping[On, Value], seed: int, measure: str) -> dict[On, float]:
    found: dict[On, float] = {}
    for on, value in game.items():
        if isinstance(value, Missing):
            raise Mistake(f"--measure {measure} is not defined for seed {seed}: {value.reason}; choose another")
        found[on] = value
    return found


def _plain(tree: dict[str, Any], prefix: str, why: str, reasons: dict[str, str]) -> dict[str, Any]:
    """`Missing` becomes None; every None has a reason, `why` where it brings none of its own."""
    plain: dict[str, Any] = {}
    for key, leaf in tree.items():
        if isinstance(leaf, dict):
            plain[key] = _plain(leaf, f"{prefix}{key}.", why, reasons)
        else:
            plain[key] = None if isinstance(leaf, Missing) else leaf
            if plain[key] is None:
                reasons[prefix + key] = leaf.reason if isinstance(leaf, Missing) else why
    return plain


def frame(result: Mapping[str, Any]) -> pd.DataFrame:
    """One row per kind and channel or interaction: effect over seeds, and share with interval."""
    rows = [
        {
            "kind": kind,
            "channel": name,
            **{f"effect_{key}": number for key, number in found["effect"].items()},
            **found["share"],
        }
        for kind, named in result["effects"].items()
        for name, found in named.items()
    ]
    numbers = ("effect_low", "effect_high", "share", "low", "high")
    return pd.DataFrame(rows).astype(dict.fromkeys(numbers, float))


def tell(job: AttributionJob, result: Mapping[str, Any]) -> None:
    """The table, a paragraph and where the files are."""
    shown = console()
    shown.print(table(result))
    shown.print(f"\n{words(result)}\n")
    shown.print(f"results and figure in {job.out}", soft_wrap=True)


def table(result: Mapping[str, Any]) -> Table:
    """Effects as rows: median with interval, and share of the total with interval."""
    count = result["seeds"]["count"]
    title = f"{result['measure']} of {result['scenario']} by channel, " + ("1 seed" if count == 1 else f"{count} seeds")
    few = "" if count >= ENOUGH else f"; too few seeds for intervals, which need {ENOUGH}"
    caption = f"share: sum over seeds over the sum of the totals{few}; {MISSING} not available: the file says why"
    drawn = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    drawn.add_column("channel", no_wrap=True)
    drawn.add_column("what", no_wrap=True)
    drawn.add_column(f"median effect, {shown_unit(result)}", justify="right")
    drawn.add_column("share of total, %", justify="right")
    for kind, named in result["effects"].items():
        drawn.add_section()
        for name, found in named.items():
            effect, part = found["effect"], found["share"]
            cells = (_said(effect["median"], effect, result), _said_share(part))
            drawn.add_row(name.replace("_", " ").replace(" x ", " × "), _what(kind, name), *cells)
    return drawn


def _what(kind: str, name: str) -> str:
    if kind != "effect":
        return KINDS[kind][0]
    return "interaction" if " x " in name else "main effect"


def shown_unit(result: Mapping[str, Any]) -> str:
    """Shares are told in percent."""
    unit = str(result["unit"])
    return unit.replace("share", "%", 1) if unit.startswith("share") else unit


def number(value: float, result: Mapping[str, Any]) -> str:
    """As its unit is told."""
    return percent(value) if str(result["unit"]).startswith("share") else f"{value:,.4g}"


def _said(value: float, ends: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    told = number(value, result)
    return told if ends["low"] is None else f"{told}\n[{number(ends['low'], result)}, {number(ends['high'], result)}]"


def _said_share(part: Mapping[str, Any]) -> str:
    if part["share"] is None:
        return MISSING
    told = percent(part["share"])
    return told if part["low"] is None else f"{told}\n[{percent(part['low'])}, {percent(part['high'])}]"


def words(result: Mapping[str, Any]) -> str:
    """What the channels carry together, and each of them, in plain words."""
    unit, help_ = shown_unit(result), OUTCOMES[result["measure"]].help
    medians = {key: number(result[key]["median"], result) for key in ("with_all", "without_all", "total")}
    many = "" if result["seeds"]["count"] == 1 else " (medians over seeds)"
    said = f"Outcome: {help_}. With all channels it is {medians['with_all']}, with all of them off {medians['without_all']}"
    said += f" {unit}{many}; the channels carry {medians['total']} together."
    kind = "shapley" if "shapley" in result["effects"] else "drop"
    shares = {name: found["share"]["share"] for name, found in result["effects"][kind].items()}
    if None in shares.values():
        return f"{said} That is too little to be shared out."
    verb = "carries" if kind == "shapley" else "switched off alone takes away"
    listed = "; ".join(f"{name.replace('_', ' ')} {verb} {percent(part)} %" for name, part in shares.items())
    off = f" Off in the scenario already: {', '.join(result['off_already'])}." if result["off_already"] else ""
    return f"{said} Of this, {listed}.{off}"
