"""Results that lie in a directory: its summary, scenario and tables, or one line that says what is wrong."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.cli.errors import Mistake

if TYPE_CHECKING:
    import pandas as pd


def summary_of(directory: str) -> dict[str, Any]:
    """`summary.json` of a run; Mistake where there is none."""
    try:
        found = json.loads((Path(directory) / "summary.json").read_text(encoding="utf-8"))
        found["scenario"], found["unavailable"], found["assets"]
    except (OSError, ValueError, KeyError, TypeError):
        raise Mistake(f"{directory} holds no results of a run; give a directory that `run` has written") from None
    return dict(found)


def scenario_of(directory: str) -> dict[str, Any]:
    """`scenario.toml` of a run by dotted names, members of lists by their name."""
    try:
        text = (Path(directory) / "scenario.toml").read_text(encoding="utf-8")
        return dict(leaves(tomllib.loads(text)))
    except (OSError, ValueError):
        raise Mistake(f"{directory}/scenario.toml cannot be read; run the scenario again") from None


def table_of(directory: str, name: str) -> pd.DataFrame:
    """One stored table; Mistake where it is missing."""
    import pandas as pd

    try:
        return pd.read_parquet(Path(directory) / f"{name}.parquet")
    except (OSError, ValueError):
        raise Mistake(f"{directory}/{name}.parquet cannot be read; run the scenario again") from None


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and values that are no tables."""
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from leaves(value, f"{name}.")
        elif isinstance(value, list) and value and all(isinstance(member, Mapping) for member in value):
            yield from leaves({str(member.get("name", row)): member for row, member in enumerate(value)}, f"{name}.")
        else:
            yield name, value
