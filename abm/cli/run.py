"""The command `run`: check everything, claim the output directory, simulate, publish."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from abm.cli.errors import Mistake, hint
from abm.cli.inspect import SET
from abm.cli.load import load
from abm.cli.output import Claim, Identity, claim

if TYPE_CHECKING:
    from abm.scenario.scenario import Scenario

SEEDS_MAX = 2**63  # seeds are columns of 64-bit integers in results


@dataclass(frozen=True)
class Job:
    """A checked request: one scenario, its seeds, its twins."""

    scenario: Scenario
    seeds: tuple[int, ...]
    twins: tuple[str, ...]
    matrix: bool  # one more run per asset: the full contagion matrix
    jobs: int  # processes
    out: Path
    as_json: bool

    @property
    def identity(self) -> Identity:
        """What makes it the same run as an earlier one."""
        return Identity(self.scenario.hash(), self.seeds)


class Asked(Protocol):
    """A request that leaves a directory of results."""

    @property
    def out(self) -> Path:
        """The directory."""
        ...

    @property
    def identity(self) -> Identity:
        """What makes it the same run as an earlier one."""
        ...


Request = TypeVar("Request", bound=Asked)
Publish = Callable[[Request, Any, Claim], None]  # writes into claim.directory and speaks to the user
Simulate = Callable[[Request], Any]


class WholeNumber(click.ParamType[int]):
    """A whole number from `least` on, below 2^63."""

    name = "integer"

    def __init__(self, least: int) -> None:
        self.least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; Mistake for anything else."""
        try:
            number = int(str(value))
        except ValueError:
            number = self.least - 1
        if not self.least <= number < SEEDS_MAX:
            option = param.opts[0] if param else "value"
            raise Mistake(f"{option} must be a whole number from {self.least} to 2^63 - 1, was {str(value)!r}")
        return number


@click.command("run")
@click.argument("scenario", default="baseline")
@click.option("--seed", type=WholeNumber(0), help="Seed of the one run.  [default: 0]")
@click.option("--seeds", type=WholeNumber(1), metavar="N", help="Seeds 0 to N-1: medians and intervals.")
@SET
@click.option("--out", metavar="DIR", help="Directory of results.  [default: results/<scenario>-<seed>]")
@click.option("--twins", metavar="NAMES", help="Twins to run, separated by commas.  [default: all]")
@click.option("--no-twins", is_flag=True, help="Run no twin.")
@click.option("--matrix", is_flag=True, help="One more run per asset: the full contagion matrix.")
@click.option("--jobs", type=WholeNumber(1), metavar="N", help="Processes.  [default: all processors]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout and nothing else.")
def run(scenario: str, sets: tuple[str, ...], matrix: bool, as_json: bool, **chosen: Any) -> None:
    """Run SCENARIO (a file, or a name in experiments/) with its twins: table, words, figures, data."""
    loaded = load(scenario, sets)
    seeds = chosen_seeds(chosen["seed"], chosen["seeds"])
    job = Job(
        scenario=loaded,
        seeds=seeds,
        twins=chosen_twins(chosen["twins"], chosen["no_twins"]),
        matrix=_checked_matrix(loaded, matrix),
        jobs=chosen["jobs"] or processors(),
        out=Path(chosen["out"] or default_out(loaded, seeds, changed=bool(sets))),
        as_json=as_json,
    )
    from abm.cli.publish import publish, simulate

    execute(job, simulate, publish)


def execute(job: Request, simulate: Simulate[Request], publish: Publish[Request]) -> None:
    """Simulate into a claimed directory; on any way out but success nothing of it remains, terminated or interrupted."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with claim(job.out, job.identity) as claimed:
        publish(job, simulate(job), claimed)


def chosen_seeds(seed: int | None, seeds: int | None) -> tuple[int, ...]:
    """The seeds of a job; 0 if none was asked for."""
    if seed is not None and seeds is not None:
        raise Mistake("--seed and --seeds exclude each other: one run, or many")
    if seeds is None:
        return (seed or 0,)
    if seeds > 1_000_000:  # noqa: PLR2004
        raise Mistake(f"--seeds must be at most 1000000, was {seeds}")
    return tuple(range(seeds))


def chosen_twins(names: str | None, none: bool) -> tuple[str, ...]:
    """The twins of a job, the usual ones by default."""
    from abm.twins import TWINS, USUAL

    if none and names is not None:
        raise Mistake("--twins and --no-twins exclude each other")
    if none:
        return ()
    wanted = USUAL if names is None else tuple(name.strip() for name in names.split(","))
    for name in wanted:
        if name not in TWINS:
            raise Mistake(f"--twins: no twin {name!r}; {hint(name, TWINS)}")
    return tuple(dict.fromkeys(wanted))


def default_out(scenario: Scenario, seeds: Sequence[int], *, changed: bool) -> str:
    """`results/<scenario>-<seed>`; many seeds by their number, changed parameters by a part of the hash."""
    number = str(seeds[0]) if len(seeds) == 1 else f"{len(seeds)}-seeds"
    return f"results/{scenario.name}-{number}" + (f"-{scenario.hash()[:8]}" if changed else "")


def processors() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _checked_matrix(scenario: Scenario, matrix: bool) -> bool:
    if matrix and not scenario.world.shocks:
        raise Mistake("--matrix needs a shock to strike each asset with: world.shocks is empty")
    return matrix
