"""Work: what a worker does with a chunk of runs. Imported by every worker, so it imports nothing heavy."""

from __future__ import annotations

import importlib
import math
import socket
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from time import perf_counter
from typing import Any, NamedTuple

Number = float | int | str | bool | None
DONE, FAILED = "done", "failed"


class Run(NamedTuple):
    """One call of the task."""

    point: int
    replication: int
    seed: int
    payload: Any


class Outcome(NamedTuple):
    """What became of a run."""

    point: int
    replication: int
    seed: int
    status: str  # DONE or FAILED
    error: str | None
    measures: Mapping[str, Number]  # empty where it failed
    wall_seconds: float
    host_name: str


def perform(task: str, chunk: Sequence[Run]) -> list[Outcome]:
    """Run each of a chunk; an error of one is its outcome and stops no other."""
    function = resolve(task)
    host = socket.gethostname()
    return [_performed(function, run, host) for run in chunk]


@cache
def resolve(task: str) -> Callable[[Any, int], Mapping[str, Any]]:
    """The function that `package.module:function` names; ValueError if there is none."""
    module, colon, name = task.partition(":")
    function = getattr(importlib.import_module(module), name, None) if colon else None
    if not callable(function):
        raise ValueError(f"no task {task!r}: it must be package.module:function")
    return function  # type: ignore[no-any-return]


def _performed(function: Callable[[Any, int], Mapping[str, Any]], run: Run, host: str) -> Outcome:
    started = perf_counter()
    try:
        measures = {str(name): _number(name, value) for name, value in function(run.payload, run.seed).items()}
        status, error = DONE, None
    except (Exception, SystemExit) as raised:
        measures, status, error = {}, FAILED, told(raised)
    return Outcome(*run[:3], status, error, measures, perf_counter() - started, host)


def told(error: BaseException) -> str:
    """An exception in one line, with the place it was raised at."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno})" if frames else ""
    return " ".join(f"{type(error).__name__}: {error}{place}".split())


def _number(name: object, value: Any) -> Number:
    """A plain number or text; TypeError for anything else, infinities and NaN become None."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"measure {name} must be a number, a text or None, was {type(value).__name__}")
