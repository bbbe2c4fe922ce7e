"""Scenario files: where they are, reading, writing, and where the paths in them lead."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from abm.scenario.errors import ScenarioError
from abm.world.shocks import nearest

HOME = Path(__file__).resolve().parents[2]  # beside run.py
EXPERIMENTS = HOME / "experiments"
BASE = "base"  # key of a file that states only differences to another


def locate(name: str | Path) -> Path:
    """The file that `experiments/baseline.toml`, `baseline.toml` or `baseline` means: here, beside run.py, in experiments/."""
    bare = Path(name).name == str(name)
    places: list[Path] = [Path(name), HOME / name]
    if bare:
        places += [EXPERIMENTS / name, EXPERIMENTS / f"{name}.toml"]
    try:
        found = next((place for place in places if place.is_file()), None)
    except OSError as error:
        raise ScenarioError(f"{name}: cannot be read: {error.strerror}") from None
    if found is not None:
        return found
    if Path(name).exists():
        kind = "a directory" if Path(name).is_dir() else "no regular file"
        raise ScenarioError(f"{name or 'the empty name'} is {kind}, not a scenario file")
    raise ScenarioError(f"no scenario {str(name)!r}; {nearest(Path(name).stem, [path.stem for path in shipped()])}")


def shipped() -> list[Path]:
    """The scenario files in experiments/ (other TOML files there, the studies, state neither assets nor a base)."""
    return [path for path in sorted(EXPERIMENTS.glob("*.toml")) if _is_scenario(path)]


def read(path: Path) -> tuple[dict[str, Any], Path | None]:
    """The tables of a file and the file it builds on, sought beside it, then in experiments/."""
    tree = toml_of(path)
    base = tree.pop(BASE, None)
    if base is not None and not isinstance(base, str):
        raise ScenarioError(f"{path}: {BASE} must be the name of a file, was {base!r}")
    _refuse_circle(path, base)
    return tree, None if base is None else _base_of(path, base)


def toml_of(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; ScenarioError in one line if it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ScenarioError(f"{path}: cannot be read: not a text file in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{path}: not valid TOML: {' '.join(str(error).split())}") from None


def to_toml(tree: dict[str, Any]) -> str:
    """A tree of tables as TOML."""
    return tomli_w.dumps(tree)


def digest(file: str) -> str:
    """SHA-256 of a file's content; its name where it cannot be read."""
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError:
        return file


def _base_of(path: Path, base: str) -> Path:
    """The file that a file builds on: beside it, or by its bare name in experiments/."""
    beside = path.resolve().parent / base
    shipped_ones = [EXPERIMENTS / base, EXPERIMENTS / f"{base}.toml"] if Path(base).name == base else []
    return next((place for place in (beside, *shipped_ones) if place.is_file()), beside)


def _refuse_circle(path: Path, base: Any) -> None:
    seen = {path.resolve()}
    while base is not None:
        path = _base_of(path, str(base))
        if path.resolve() in seen:
            raise ScenarioError(f"{path}: {BASE} leads back to {path.name}")
        seen.add(path.resolve())
        base = toml_of(path).get(BASE)


def _is_scenario(path: Path) -> bool:
    try:
        tree = toml_of(path)
    except ScenarioError:
        return True  # `list` and `validate` say what is wrong with it
    return "assets" in tree or BASE in tree
