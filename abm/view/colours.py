"""The colours of the page, light and dark: one name per role, used in drawings as `var(--name)`."""

from __future__ import annotations

import re

# Hues of Okabe & Ito (2008), Color Universal Design, made darker on white and lighter on black until every one stands out
# from its card by 3 : 1 and words by 4.5 : 1 (WCAG 2.1, 1.4.3 and 1.4.11).
COLOURS = {  # name: (light, dark)
    "page": ("#eef0f3", "#121417"),
    "card": ("#ffffff", "#1c1f24"),
    "cell": ("#f1f3f5", "#282c33"),
    "rule": ("#d9dce1", "#3a3d44"),
    "ink": ("#1d1d1f", "#ececf0"),
    "soft": ("#5d6066", "#a7abb3"),
    "asset-0": ("#0072b2", "#4ba3e3"),
    "asset-1": ("#c77f00", "#f0a92b"),
    "asset-2": ("#008f68", "#1fbf8f"),
    "asset-3": ("#c0639a", "#e08bbe"),
    "asset-4": ("#2c93cf", "#8ccbf2"),
    "asset-5": ("#8c6d31", "#b8935a"),
    "asset-6": ("#4d4d9a", "#a3a3ff"),
    "asset-7": ("#7a7a7a", "#9a9a9a"),
    "generation-0": ("#c97900", "#9468de"),  # a ramp of lightness: later generations stand out more
    "generation-1": ("#d1495b", "#c8559b"),
    "generation-2": ("#a2307b", "#ee6b5b"),
    "generation-3": ("#6a2c91", "#f9a242"),
    "generation-4": ("#2d1e6b", "#fbe68b"),
    "forced": ("#c75000", "#f5762d"),
    "twin": ("#7a3db8", "#bfa2f2"),
    "book": ("#0072b2", "#4ba3e3"),
    "other": ("#c77f00", "#f0a92b"),
    "outside": ("#7a7a7a", "#9a9a9a"),
    "isolated": ("#008f68", "#1fbf8f"),
    "cross": ("#0072b2", "#4ba3e3"),
    "universal": ("#c0639a", "#e08bbe"),
    "shock": ("#f0e442", "#f0e442"),
    "halt": ("#c0639a", "#e08bbe"),
}
ASSETS = sum(name.startswith("asset-") for name in COLOURS)
GENERATIONS = sum(name.startswith("generation-") for name in COLOURS)  # the last stands for all later ones


def var(name: str) -> str:
    """The colour `name` of whatever theme the page has."""
    return f"var(--{name})"


def asset(row: int) -> str:
    """The colour of asset number `row`."""
    return var(f"asset-{row % ASSETS}")


def generation(number: int) -> str:
    """The colour of a generation, counted from 1."""
    return var(f"generation-{min(number, GENERATIONS) - 1}")


def css() -> str:
    """Both themes as style rules: the page's own switch and the system's wish set one class, `theme--dark`."""
    light, dark = ("".join(f"--{name}:{pair[row]};" for name, pair in COLOURS.items()) for row in (0, 1))
    return f".v-application{{{light}}}\n.v-application.theme--dark{{{dark}}}"


def settled(drawing: str) -> str:
    """A drawing with the light colours in place of their names, for readers that know no style variables."""
    return re.sub(r"var\(--([\w-]+)\)", lambda found: COLOURS[found[1]][0], drawing)
