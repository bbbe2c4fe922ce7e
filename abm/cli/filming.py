"""Making a film: its run simulated or read back, its pictures drawn, its file put in place when it is complete."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.cli.errors import Mistake, hint
from abm.cli.output import Identity
from abm.cli.progress import progress
from abm.cli.results import summary_of, table_of
from abm.cli.run import processors
from abm.figures.film import film, pictures
from abm.figures.recording import record

if TYPE_CHECKING:
    import pandas as pd

    from abm.scenario.scenario import Scenario

TABLES = ("steps", "events", "health", "lineage", "seizures")
SNAPSHOTS = 240  # of the accounts in a run that is simulated for its film
Tables = Mapping[str, "pd.DataFrame"]


@dataclass(frozen=True)
class Shown:
    """What is filmed: the tables of a run, its summary, and the steps of its twin if it has one."""

    tables: Tables
    summary: Mapping[str, Any]
    twin: tuple[str, pd.DataFrame] | None


@dataclass(frozen=True)
class Reel:
    """A checked request for a film; `load` simulates the run or reads it back."""

    load: Callable[[], Shown]
    origin: str  # stands at the foot of every picture
    command: str  # stands in the file

    @classmethod
    def stored(cls, directory: str, twin: str | None) -> Reel:
        """Of results that lie in a directory; Mistake where it or the twin is missing."""
        summary = summary_of(directory)
        identity = Identity.of(Path(directory))
        twins = [path.name for path in sorted((Path(directory) / "twins").glob("*")) if path.is_dir()]
        if twin is not None and twin not in twins:
            raise Mistake(f"--twin: {directory} holds no twin {twin!r}; {hint(twin, twins)}")

        def load() -> Shown:
            steps = None if twin is None else (twin, table_of(f"{directory}/twins/{twin}", "steps"))
            return Shown({name: table_of(directory, name) for name in TABLES}, summary, steps)

        origin = _origin(summary["scenario"], summary["seed"], identity.scenario_hash if identity else "")
        return cls(load, origin, shlex.join(["python", "run.py", "film", directory, *_twin(twin)]))

    @classmethod
    def planned(cls, source: str, scenario: Scenario, seed: int, sets: Sequence[str], twin: str | None) -> Reel:
        """Of a run that is still to be simulated, with its twin."""
        words = ["python", "run.py", "film", source, f"--seed={seed}", *(f"--set={text}" for text in sets), *_twin(twin)]
        return cls(lambda: _simulated(scenario, seed, twin), _origin(scenario.name, seed, scenario.hash()), shlex.join(words))


def shoot(reel: Reel, path: Path, *, fps: int, seconds: float, width: int, even: bool) -> None:
    """Load the run, draw its pictures and write them, behind a progress bar."""
    shown = reel.load()
    rows = pictures(shown.tables["steps"], fps=fps, seconds=seconds, even=even).tolist()
    moving = film(shown.tables, shown.summary, twin=shown.twin, footer=reel.origin)
    with progress(len(rows), "filming", of="pictures") as advance:
        record(moving, rows, path, fps=fps, width=width, comment=reel.command, done=lambda: advance("filming"))


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A file to write beside `path`, renamed to it at the end; after a failure nothing of it is left. Mistake if it cannot be."""
    target = path.absolute()
    partial = target.with_name(f".{target.stem}.{os.getpid()}.partial{target.suffix}")
    made = [parent for parent in target.parents if not parent.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.touch(exist_ok=False)
        yield partial
        partial.replace(target)
    except OSError as error:
        raise Mistake(f"--out {path} cannot be written: {error.strerror or error}") from None
    finally:
        with suppress(OSError):  # of what is not there, or is used by somebody else by now
            partial.unlink(missing_ok=True)
            for parent in made:
                parent.rmdir()


def _simulated(scenario: Scenario, seed: int, twin: str | None) -> Shown:
    """The run and its twin, with more snapshots of the accounts than a run keeps: its numbers are the same."""
    from abm.measures.summary import summarise
    from abm.records import RUN
    from abm.twins import Task, run_all, simulate
    from abm.twins import twin as twin_of

    often = max(scenario.time.step_seconds, scenario.time.duration / SNAPSHOTS)
    closer = scenario.with_({"record.health_interval": min(often, scenario.record.health_interval)})
    todo = [Task(seed, name, twin_of(closer, name)) for name in (RUN, *([twin] if twin else []))]
    found = {}
    with progress(len(todo), scenario.name) as advance:
        for task, records in run_all(simulate, todo, jobs=processors()):
            found[task.twin] = records
            advance(f"seed {seed}, {task.twin}")
    steps = None if twin is None else (twin, found[twin].frames()["steps"])
    return Shown(found[RUN].frames(), summarise(found[RUN], {}), steps)


def _origin(scenario: str, seed: int, digest: str) -> str:
    return f"cascade-abm · {scenario} · seed {seed}" + (f" · scenario {digest[:8]}" if digest else "")


def _twin(name: str | None) -> list[str]:
    return [] if name is None else [f"--twin={name}"]
