"""Small studies of toy tasks, run as the command line runs them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from abm.cli.sweeping import Order, sweep_into
from abm.study import load
from abm.study.plan import Plan, Subject
from abm.study.study import Study

GRID: dict[str, Any] = {"x": [0, 1, 2, 3]}


def study(axes: Mapping[str, Any] | None = None, **more: Any) -> Study:
    """A study over x with three replications."""
    tree = {"question": "q?", "scenario": "toy", "replications": 3, "axes": GRID if axes is None else axes}
    return Study.of(tree | more)


def subject(task: str = "noisy", *, code: str = "1") -> Subject:
    """A toy task as the subject of a study: overrides are its payload."""
    return Subject(
        task=f"tests.study.toy:{task}",
        code=code,
        payload=dict,
        fingerprint=lambda overrides: json.dumps(overrides, sort_keys=True),
        command=lambda overrides, seed: f"toy {json.dumps(overrides)} {seed}",
        value_of={"x": 0, "a": 0.0, "b": 0.0, "c": 0.0}.get,
    )


def order(out: Path, *, jobs: int = 1, **more: Any) -> Order:
    """What the command line would ask for."""
    asked = {"cluster": None, "limit": None, "allow_version": False, "retry_failed": False}
    return Order(out=out, jobs=jobs, **(asked | more))


def swept(out: Path, asked: Study | None = None, task: str = "noisy", *, code: str = "1", **more: Any) -> pd.DataFrame:
    """Run a study, or what is left of it, and read it back without what varies between equal runs."""
    sweep_into(Plan.of(asked or study(), subject(task, code=code)), order(out, **more))
    return lasting(load(out))


def lasting(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame without its columns `wall_*` and `host_*`."""
    return frame[[name for name in frame.columns if not name.startswith(("wall_", "host_"))]]
