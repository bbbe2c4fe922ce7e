"""The directory of results: claimed before simulating, written beside, renamed when complete."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from abm.cli.errors import Mistake
from abm.cli.plain import plain

PROVENANCE = "provenance.json"
OWN = {
    "scenario.toml",
    "summary.json",
    "steps.parquet",
    "liquidations.parquet",
    "events.parquet",
    "health.parquet",
    "stress.json",
    "stress.parquet",
    "stress.csv",
    "attribution.json",
    "attribution.parquet",
    "attribution.csv",
    "lineage.parquet",
    "seizures.parquet",
    "seeds.parquet",
    "figures",
    "twins",
    PROVENANCE,
}  # what a run writes; anything else in its directory belongs to somebody and stays


@dataclass(frozen=True)
class Identity:
    """What makes two runs the same run."""

    scenario_hash: str
    seeds: tuple[int, ...]
    request: str = ""  # what else was asked: the grid of a stress test, the channels of an attribution

    @classmethod
    def of(cls, directory: Path) -> Identity | None:
        """The run whose results lie in a directory, None if they are not a run's."""
        try:
            stored = json.loads((directory / PROVENANCE).read_text(encoding="utf-8"))
            seeds = tuple(int(seed) for seed in stored["seeds"])
            return cls(str(stored["scenario_hash"]), seeds, str(stored.get("request", "")))
        except (OSError, ValueError, TypeError, KeyError):
            return None


@dataclass
class Claim:
    """A temporary sibling of `target` to write into; `complete` puts it in place, leaving without it removes it."""

    target: Path
    directory: Path  # the temporary sibling
    made: list[Path] = field(default_factory=list)  # parents that did not exist, innermost first

    def complete(self) -> None:
        """Replace the target by what was written."""
        if self.target.exists():
            self._keep_foreign()
            old = self.directory.with_suffix(".old")
            self.target.rename(old)
            self.directory.rename(self.target)
            shutil.rmtree(old)
        else:
            self.directory.rename(self.target)
        self.made.clear()

    def abandon(self) -> None:
        """Remove what was written, and the parents that were made for it."""
        shutil.rmtree(self.directory, ignore_errors=True)
        for parent in self.made:
            try:
                parent.rmdir()
            except OSError:  # somebody else uses it by now
                break
        self.made.clear()

    def _keep_foreign(self) -> None:
        for entry in self.target.iterdir():
            if entry.name not in OWN:
                entry.rename(self.directory / entry.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.directory.exists():
            self.abandon()


def claim(path: str | Path, identity: Identity) -> Claim:
    """Reserve a results directory: a new one, an empty one, or one of the same run; Mistake for any other."""
    try:
        target = Path(path).resolve()
        _refuse_foreign(path, target, identity)
        made = [parent for parent in target.parents if not parent.exists()]
        return _reserve(Claim(target, target.with_name(f".{target.name}.{os.getpid()}.partial"), made))
    except OSError as error:
        raise Mistake(f"--out {path} cannot be written: {error.strerror}") from None


def _reserve(claimed: Claim) -> Claim:
    try:
        claimed.directory.mkdir(parents=True)
    except OSError:
        claimed.abandon()
        raise
    return claimed


def _refuse_foreign(path: str | Path, target: Path, identity: Identity) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise Mistake(f"--out {path} is a file, not a directory")
    if not any(target.iterdir()):
        return
    other = Identity.of(target)
    if other is None:
        raise Mistake(f"--out {path} is not empty and holds no results of this program; choose another or empty it")
    if other != identity:
        raise Mistake(f"--out {path} holds another run (other parameters or seeds); choose another or remove it")


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write strict JSON: see `plain`."""
    path.write_text(dumps(value), encoding="utf-8")


def dumps(value: dict[str, Any]) -> str:
    """Strict JSON, keys in the order given, ending in a newline."""
    return json.dumps(plain(value), indent=2, allow_nan=False, ensure_ascii=False) + "\n"
