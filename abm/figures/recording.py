"""A film as a file: GIF always, MP4 where ffmpeg is installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import numpy as np
from matplotlib.animation import AbstractMovieWriter, FFMpegWriter
from matplotlib.figure import Figure
from PIL import Image

from abm.figures.film import SIZE, Film

FORMATS = (".gif", ".mp4")
COLOURS = 128  # of a GIF
WHITE = 248  # least of red, green and blue
MP4 = ["-crf", "20", "-movflags", "+faststart"]  # small text stays sharp; plays while it is still being loaded


def ffmpeg_is_here() -> bool:
    """Whether an MP4 can be written."""
    return bool(FFMpegWriter.isAvailable())


def record(
    film: Film,
    rows: Sequence[int],
    path: Path,
    *,
    fps: int,
    width: int,
    comment: str = "",
    done: Callable[[], None] = lambda: None,
) -> None:
    """Write one picture per row of the stored steps, `width` (even) pixels wide, 16:9; `done` is called after each.

    The ending of `path` chooses the format. An interrupted recording ends its ffmpeg and may leave a part of the file.
    """
    writer: AbstractMovieWriter
    if path.suffix == ".mp4":
        writer = FFMpegWriter(fps=fps, extra_args=MP4, metadata={"comment": comment})
    else:
        writer = Gif(fps=fps, metadata={"comment": comment})
    film.figure.set_size_inches(SIZE[0], 2 * round(width * SIZE[1] / SIZE[0] / 2) / (width / SIZE[0]))  # an even height
    film.show(rows[-1])  # the richest picture: its colours are those of the GIF
    writer.setup(film.figure, str(path), dpi=width / SIZE[0])
    try:
        for row in rows:
            film.show(row)
            writer.grab_frame()
            done()
    except BaseException:
        if isinstance(writer, FFMpegWriter):
            with suppress(CalledProcessError):  # it was interrupted as well
                writer.finish()
        raise
    writer.finish()


class Gif(AbstractMovieWriter):
    """Pictures of one palette, that of the figure at `setup`.

    matplotlib's own writer finds a palette for each picture: four times the bytes, ten times the processor time, and it
    keeps all pictures in full colour (1.5 MB each) until the end.
    """

    def setup(self, fig: Figure, outfile: Any, dpi: float | None = None) -> None:
        """Take the palette from the figure as it is."""
        super().setup(fig, outfile, dpi=dpi)
        self.fig.set_dpi(self.dpi)
        self._palette = self._picture().quantize(COLOURS)
        colours = np.array(self._palette.getpalette()).reshape(-1, 3)
        colours[colours.min(axis=1) >= WHITE] = 255  # white stays white
        self._palette.putpalette(colours.ravel().tolist())
        self._pictures: list[Image.Image] = []

    def grab_frame(self, **savefig_kwargs: Any) -> None:
        """Keep the figure as it is now."""
        self._pictures.append(self._picture().quantize(palette=self._palette, dither=Image.Dither.NONE))

    def finish(self) -> None:
        """Write the file."""
        first, *others = self._pictures
        ends = np.rint(100 / self.fps * np.arange(len(self._pictures) + 1))  # a GIF counts hundredths of a second
        first.save(
            self.outfile, format="GIF", save_all=True, append_images=others, duration=(10 * np.diff(ends)).tolist(), loop=0,
            comment=str(self.metadata.get("comment", "")).encode(),
        )  # fmt: skip

    def _picture(self) -> Image.Image:
        canvas: Any = self.fig.canvas
        canvas.draw()
        return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
