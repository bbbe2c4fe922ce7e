"""Which file a study's name means, and the studies that are shipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from abm.cli.errors import Mistake, hint


def located(name: str) -> Path:
    """The file that a path, `crossing.toml` or `crossing` means: here, beside run.py, or among the shipped studies.

    Mistake for a name that means none of them.
    """
    from abm.scenario.files import HOME

    places = [Path(name), HOME / name]
    if Path(name).name == name:
        places += [path for path in shipped() if name in (path.name, path.stem)]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise Mistake(f"no study {name!r}; {hint(Path(name).stem, [path.stem for path in shipped()])}")
    return found


def shipped() -> Iterator[Path]:
    """Those in experiments/studies, and the calibrations in experiments/."""
    from abm.scenario.files import EXPERIMENTS

    yield from sorted((EXPERIMENTS / "studies").glob("*.toml"))
    yield from sorted(EXPERIMENTS.glob("calibrate_*.toml"))
