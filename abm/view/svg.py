"""Drawing by hand: scales, axes and marks as SVG text, small enough to be sent many times a second."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
POINTS_MAX = 140  # of one line; more are thinned to the extremes of bins

TICK = 50  # pixels between numbers under an axis, about
LETTER = 5.9  # pixels, of a letter in the page's small type, on the wide side


class Size(NamedTuple):
    """Of a drawing, in pixels."""

    width: float
    height: float


@dataclass(frozen=True)
class Axes:
    """A rectangle in pixels and the data range that it shows."""

    left: float
    top: float
    right: float
    bottom: float
    low_x: float
    high_x: float
    low_y: float
    high_y: float

    def x(self, value: ArrayLike) -> Floats:
        """Pixels from the left, clipped to the rectangle."""
        return _placed(value, (self.low_x, self.high_x), (self.left, self.right))

    def y(self, value: ArrayLike) -> Floats:
        """Pixels from the top, clipped to the rectangle."""
        return _placed(value, (self.low_y, self.high_y), (self.bottom, self.top))

    def grid(self, *, x_unit: str = "", y_unit: str = "", ticks_y: int = 4) -> str:
        """Frame, lines and ticks; the last tick of x and every one of y carry their units, an axis without one has no ticks."""
        parts = [f'<path class="axis" d="M{self.left:.1f} {self.top:.1f}V{self.bottom:.1f}H{self.right:.1f}"/>']
        for value in nice(self.low_y, self.high_y, ticks_y):
            at = float(self.y(value))
            parts.append(f'<path class="grid" d="M{self.left:.1f} {at:.1f}H{self.right:.1f}"/>')
            parts.append(text(self.left - 4, at + 4, f"{short(value)}{y_unit}", anchor="end"))
        if x_unit:
            *rest, last = nice(self.low_x, self.high_x, min(max(int((self.right - self.left) / TICK), 1), 6))
            words = f"{short(last)}{x_unit}"
            parts.append(self.below(float(self.x(last)), words))
            room = self.right - LETTER * (len(words) + 3)
            parts += [self.below(at, short(value)) for value in rest if (at := float(self.x(value))) < room]
        return "".join(parts)

    def below(self, at: float, words: str) -> str:
        """The number of a tick of x, kept from sticking out on the right."""
        half = LETTER * len(words) / 2
        return text(min(at, self.right + 6 - half), self.bottom + 13, words, anchor="middle")


def _placed(value: ArrayLike, data: tuple[float, float], pixels: tuple[float, float]) -> Floats:
    width = data[1] - data[0] or 1.0
    share = np.clip((np.asarray(value, dtype=np.float64) - data[0]) / width, 0.0, 1.0)
    return np.asarray(pixels[0] + share * (pixels[1] - pixels[0]))


def nice(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers between two others."""
    if not high > low:
        return [low]
    raw = (high - low) / max(count, 1)
    power = 10.0 ** np.floor(np.log10(raw))
    step = power * next(factor for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    first = np.ceil(low / step - 1e-9) * step
    return [float(round(value, 12)) for value in np.arange(first, high + step * 1e-6, step)]


def short(value: float) -> str:
    """1234567.0 -> "1.23M", 0.5 -> "0.5"."""
    for scale, letter in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * scale:
            return f"{value / scale:.3g}{letter}"
    return f"{value:.3g}" if value else "0"


def text(x: float, y: float, words: str, *, anchor: str = "start", css: str = "", fill: str = "") -> str:
    """One line of text at a place; `css` names a class."""
    extra = f' class="{css}"' if css else ""
    extra += f' style="fill:{fill}"' if fill else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(words)}</text>'


def path(outline: str, *, stroke: str, width: float, more: str = "") -> str:
    """Strokes along an outline in tenths of pixels, `width` in pixels; nothing where there is no outline."""
    style = f'stroke="{stroke}" stroke-width="{10 * width:g}"{more}'
    return f'<path transform="scale(.1)" fill="none" {style} d="{outline}"/>' if outline else ""


def outline(pattern: str, *columns: Floats) -> str:
    """`pattern` (one %d a column) for each row of pixels, in tenths: whole numbers are written five times as fast as others."""
    tenths = np.rint(10.0 * np.column_stack(columns)).astype(np.int64)
    return (pattern * len(tenths)) % tuple(tenths.ravel().tolist())


def line(x: Floats, y: Floats, *, stroke: str, width: float = 1.4, css: str = "") -> str:
    """A line through pixels (n,), broken where a number is missing, thinned where there are many."""
    x, y = thinned(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
    there = np.isfinite(x) & np.isfinite(y)
    begins = np.flatnonzero(there & ~np.append(False, there[:-1]))
    ends = np.flatnonzero(there & ~np.append(there[1:], False)) + 1
    runs = (outline("L%d %d", x[a:b], y[a:b]) for a, b in zip(begins.tolist(), ends.tolist(), strict=True))
    return path("".join(f"M{run[1:]}" for run in runs), stroke=stroke, width=width, more=f' class="{css}"' if css else "")


def thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """About `POINTS_MAX` points at most: every bin's lowest and highest (or its first gap), and the last of all."""
    if len(x) <= POINTS_MAX:
        return x, y
    width = -(-2 * len(x) // POINTS_MAX)  # of a bin
    bins = len(x) // width
    table, first = y[: bins * width].reshape(bins, width), np.arange(bins) * width
    rest = np.arange(bins * width, len(x))
    chosen = np.unique(np.concatenate([first + table.argmin(axis=1), first + table.argmax(axis=1), rest]))
    return x[chosen], y[chosen]


def box(x: float, y: float, width: float, height: float, *, fill: str, opacity: float = 1.0, more: str = "") -> str:
    """A filled rectangle; nothing where it has no size."""
    if width <= 0 or height <= 0:
        return ""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}" opacity="{opacity:g}"{more}/>'


def dots(x: Floats, y: Floats, *, stroke: str, size: float, opacity: float = 0.75) -> str:
    """Round points of one size (n,) as one path: a twentieth of the text that circles would take."""
    if not len(x):
        return ""
    more = f' stroke-linecap="round" opacity="{opacity:g}"'
    return path(outline("M%d %dh0", x, y), stroke=stroke, width=size, more=more)


def head(words: str, note: str = "", *, x: float = 4.0, y: float = 13.0) -> str:
    """The title of a drawing; `note` in plain type behind it tells units."""
    more = f'<tspan class="note" dx="6">{escape(note)}</tspan>' if note else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="head">{escape(words)}{more}</text>'


def svg(size: Size, *parts: str, label: str) -> str:
    """The whole drawing, as large as its place on the page."""
    view = f'viewBox="0 0 {size.width:g} {size.height:g}"'
    return f'<svg {view} role="img" aria-label="{escape(label, quote=True)}">{"".join(parts)}</svg>'


def nothing(size: Size, words: str) -> str:
    """What is said in the middle of a drawing that has nothing to show yet."""
    return text(size.width / 2, size.height * 0.7, words, anchor="middle")
