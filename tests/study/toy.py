"""Cheap tasks for the study engine: they enter by the same door as the model, a dotted name."""

from __future__ import annotations

import math
import os
import random
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Measures = dict[str, float | int | str | None]


def noisy(payload: Mapping[str, Any], seed: int) -> Measures:
    """A square with noise that depends on the seed alone; `calls` names a file that counts the calls."""
    x = float(payload.get("x", 0.0))
    if "calls" in payload:
        with Path(payload["calls"]).open("a", encoding="utf-8") as file:
            file.write(f"{x} {seed}\n")
    noise = random.Random(seed).random()
    return {"square": x * x + noise, "noise": noise, "seen": seed, "none": None if seed % 2 else 1.5, "word": f"s{seed}"}


def slow(payload: Mapping[str, Any], seed: int) -> Measures:
    """The same, 5 ms later."""
    time.sleep(0.005)
    return noisy(payload, seed)


def failing(payload: Mapping[str, Any], seed: int) -> Measures:
    """Breaks at x = 2 with seed 1."""
    if payload["x"] == 2 and seed == 1:
        raise ValueError("x and seed\ndo not agree")
    return noisy(payload, seed)


def deadly(payload: Mapping[str, Any], seed: int) -> Measures:
    """Kills its process at x = 2 with seed 1."""
    if payload["x"] == 2 and seed == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return noisy(payload, seed)


def mortal(payload: Mapping[str, Any], seed: int) -> Measures:
    """Kills its process at x = 2 with seed 1 the first time: `died` names the file that remembers."""
    died = Path(payload["died"])
    if payload["x"] == 2 and seed == 1 and not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return noisy(payload, seed)


def lasting_work(payload: Mapping[str, Any], seed: int) -> Measures:
    """A minute long; leaves a file named by its process in `pids`."""
    (Path(payload["pids"]) / str(os.getpid())).touch()
    time.sleep(60)
    return noisy(payload, seed)


def ishigami(payload: Mapping[str, Any], seed: int) -> Measures:
    """Ishigami & Homma (1990) with a = 7, b = 0.1."""
    a, b, c = (payload[name] for name in ("a", "b", "c"))
    return {"y": math.sin(a) + 7.0 * math.sin(b) ** 2 + 0.1 * c**4 * math.sin(a)}


def linear(payload: Mapping[str, Any], seed: int) -> Measures:
    """3 a - b, and c plays no part."""
    return {"y": 3.0 * payload["a"] - payload["b"], "constant": 4.0}


def nothing(payload: Mapping[str, Any], seed: int) -> Measures:
    """No work at all: what is measured is the engine."""
    return {"one": 1.0, "two": 2.0}


def busy(payload: Mapping[str, Any], seed: int) -> Measures:
    """5 ms of processor time."""
    end = time.process_time() + 0.005
    while time.process_time() < end:
        pass
    return {"one": 1.0}


def stuck(payload: Mapping[str, Any], seed: int) -> Measures:
    """Done at once at x = 0, and never elsewhere."""
    if payload["x"]:
        time.sleep(600)
    return noisy(payload, seed)
