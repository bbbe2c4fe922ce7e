"""The README's Python is run as it stands, on a shorter and smaller market."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
SHORT = {"time.duration": 120.0, "time.burn_in": 30.0, "world.shocks.eth.at": 30.0, "world.shocks.eth.ramp": 30.0}


def test_every_block_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    from abm.scenario import Scenario

    load = Scenario.load
    monkeypatch.setattr(Scenario, "load", lambda name: load(name).with_(SHORT))
    names: dict[str, Any] = {}
    for block in BLOCKS:
        exec(block, names)
    assert names["model"].tick == 24  # 120 s in steps of 5 s
    book = [names["eth"], names["btc"]]
    assert names["liquidation_price"](1535443.01, book, "ETH", "cross") == pytest.approx(1153.26, abs=0.005)
    assert len(names["model"].solitary) == 1
