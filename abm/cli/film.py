"""The command `film`: a run as moving pictures, simulated for it or drawn from stored results."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import click

from abm.cli.errors import Mistake, hint
from abm.cli.inspect import SET
from abm.cli.load import load
from abm.cli.run import WholeNumber, default_out

PICTURES_MAX = 3_000
WIDTHS = {".gif": 960, ".mp4": 1280}  # pixels


@click.command("film")
@click.argument("source", metavar="SCENARIO|DIR")
@click.option("--seed", type=WholeNumber(0), help="Seed of the run.  [default: 0]")
@SET
@click.option("--twin", metavar="NAME", help="A twin, drawn dashed beside the run.")
@click.option("--out", metavar="FILE", help="A .gif or .mp4, replaced if it exists.  [default: results/<scenario>-<seed>.gif]")
@click.option("--fps", type=click.IntRange(1, 50), default=20, show_default=True, help="Pictures a second.")
@click.option("--seconds", type=click.FloatRange(2, 600), default=10.0, show_default=True, help="Length of the film.")
@click.option("--width", type=click.IntRange(480, 3840), help="Pixels, 16:9.  [default: 960 as GIF, 1280 as MP4]")
@click.option("--even", is_flag=True, help="Time passes evenly; else half of the film goes to the forced trades.")
def film(source: str, seed: int | None, sets: tuple[str, ...], twin: str | None, **how: Any) -> None:
    """Film a run of SCENARIO, or the one whose results lie in DIR, as a GIF or an MP4 (which needs ffmpeg)."""
    from abm.cli.filming import Reel, beside, shoot

    count = round(how["fps"] * how["seconds"])
    if count > PICTURES_MAX:
        raise Mistake(f"--fps {how['fps']} for --seconds {how['seconds']:g} is {count} pictures, at most {PICTURES_MAX}")
    if Path(source).is_dir():
        if seed is not None or sets:
            raise Mistake(f"{source} is a stored run: --seed and --set have no say in it; give its scenario instead")
        reel, beside_it = Reel.stored(source, twin), f"{Path(source).resolve()}.gif"
    else:
        scenario, seed = load(source, sets), seed or 0
        reel = Reel.planned(source, scenario, seed, sets, _known(twin))
        beside_it = f"{default_out(scenario, (seed,), changed=bool(sets))}.gif"
    out = _checked(Path(how["out"] or beside_it))
    width = how["width"] or WIDTHS[out.suffix]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with beside(out) as partial:
        shoot(reel, partial, fps=how["fps"], seconds=how["seconds"], width=width - width % 2, even=how["even"])
    click.echo(f"{out}: {count} pictures, {out.stat().st_size / 1e6:.1f} MB")


def _known(twin: str | None) -> str | None:
    from abm.twins import TWINS

    if twin is not None and twin not in TWINS:
        raise Mistake(f"--twin: no twin {twin!r}; {hint(twin, TWINS)}")
    return twin


def _checked(out: Path) -> Path:
    """A file that can be written here."""
    from abm.figures.recording import FORMATS, ffmpeg_is_here

    if out.suffix not in FORMATS:
        raise Mistake(f"--out {out} must end in {' or '.join(FORMATS)}")
    if out.is_dir():
        raise Mistake(f"--out {out} is a directory, not a file")
    if out.suffix == ".mp4" and not ffmpeg_is_here():
        raise Mistake(f"--out {out}: an MP4 needs ffmpeg, which is not installed; install it or give a .gif")
    return out
