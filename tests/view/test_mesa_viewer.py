"""Mesa's own viewer takes the model: Step, Reset, its sliders and a seed that was typed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import solara
from ipyvuetify import Btn
from ipyvuetify import Slider as SliderWidget
from ipywidgets import Image
from mesa.visualization import Slider, SolaraViz

from abm import CascadeModel, Scenario
from abm.view.mesa_viewer import Watched
from tests.small_worlds import fingerprint, world


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> str:
    path = tmp_path / "small.toml"
    path.write_text(world().to_toml(), encoding="utf-8")
    return str(path)


def test_what_is_watched_is_the_model(file: str) -> None:
    seen, plain = Watched(scenario=file, rng=" 3 "), CascadeModel(scenario=file, rng=3)
    assert fingerprint(seen.run()) == fingerprint(plain.run())


def test_a_reset_of_newer_mesa_brings_the_same_scenario(file: str) -> None:
    model = Watched(scenario=Scenario.load(file).with_({"population.cross_share": 0.25}))
    again = Watched(scenario=type(model.scenario)() if hasattr(model.scenario, "of_the_run") else model.scenario)
    assert again.scenario.hash() == model.scenario.hash()
    assert again.scenario.population.cross_share == 0.25


def test_mesas_viewer_steps_resets_and_slides(file: str) -> None:
    models: list[Any] = []

    def watch(model: Any) -> Any:
        models.append(model)
        return solara.Text(f"step {model.tick}")

    parameters = {
        "scenario": file,
        "rng": {"type": "InputText", "value": "7", "label": "Seed"},
        "population.cross_share": Slider("Share of cross margin", 1.0, 0.0, 1.0, 0.1),
    }

    @solara.component
    def Page() -> None:
        model = solara.use_memo(lambda: Watched(scenario=file, rng=7), [])
        SolaraViz(model, components=[(watch, 0)], model_params=parameters)

    _, page = solara.render(solara.AppLayout(children=[Page()]), handle_error=False)
    press(page, "Step")
    assert models[-1].tick == 1
    slider = next(found for found in page.find(SliderWidget).widgets if found.label == "Share of cross margin")
    slider.v_model = 0.5
    press(page, "Reset")
    assert models[-1].tick == 0
    assert models[-1].scenario.population.cross_share == 0.5
    same = CascadeModel(scenario=Scenario.load(file).with_({"population.cross_share": 0.5}), rng=7)
    assert np.array_equal(models[-1].ledger.cash, same.ledger.cash)
    page.close()


def press(page: Any, name: str) -> None:
    """A button of Mesa's."""
    page.find(Btn, children=[name]).widget.click()


def test_the_example_of_the_readme_steps_and_resets() -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- example: mesa viewer -->\n```python\n(.*?)```", text, re.S)
    assert found
    names: dict[str, Any] = {}
    exec(found[1], names)
    _, page = solara.render(solara.AppLayout(children=[names["Page"]()]), handle_error=False)
    pictures = []
    for name in ("Step", "Step", "Reset", "Step"):
        press(page, name)
        pictures.append(bytes(page.find(Image).widget.value))
    assert pictures[0] != pictures[1], "the plot follows the run"
    assert pictures[0] == pictures[3], "Reset begins the same run anew"
    page.close()
