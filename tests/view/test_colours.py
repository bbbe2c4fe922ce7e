"""The colours stand out from what they are drawn on, in both themes."""

from __future__ import annotations

import pytest

from abm.view.colours import COLOURS, GENERATIONS, css, generation, settled

BACKGROUNDS = {"page", "card", "cell", "rule"}
BANDS = {"shock"}  # drawn as a wash over the whole height, with an entry in the legend
WORDS = {"ink", "soft", "twin"}


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.1."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio, WCAG 2.1: 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_black_on_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("name", sorted(COLOURS.keys() - BACKGROUNDS - BANDS))
def test_everything_stands_out_from_its_card(name: str, theme: int) -> None:
    least = 4.5 if name in WORDS else 3.0  # WCAG 2.1, 1.4.3 and 1.4.11
    assert contrast(COLOURS[name][theme], COLOURS["card"][theme]) >= least


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_generations_are_a_ramp_of_lightness(theme: int) -> None:
    ramp = [contrast(COLOURS[f"generation-{k}"][theme], COLOURS["card"][theme]) for k in range(GENERATIONS)]
    assert ramp[-1] > 3 * ramp[0]
    assert all(later > earlier * 0.95 for earlier, later in zip(ramp, ramp[1:], strict=False))


def test_both_themes_name_every_colour() -> None:
    light, dark = css().split("\n")
    assert all(f"--{name}:{COLOURS[name][0]};" in light and f"--{name}:{COLOURS[name][1]};" in dark for name in COLOURS)


def test_a_drawing_taken_home_knows_no_variables() -> None:
    assert settled(f'<path fill="{generation(9)}"/>') == f'<path fill="{COLOURS["generation-4"][0]}"/>'
