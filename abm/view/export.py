"""What a visitor can take home: the run's tables, its scenario, the command that repeats it, and the drawings."""

from __future__ import annotations

from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

from abm.view.board import SIZES, Wish, board
from abm.view.colours import COLOURS, settled
from abm.view.session import Session


def archive(session: Session) -> bytes:
    """A zip: scenario, command, the run's tables as Parquet (the twin's in a folder), the panels as SVG."""
    packed = BytesIO()
    with session.lock, ZipFile(packed, "w", ZIP_DEFLATED) as zipped:
        zipped.writestr("scenario.toml", session.scenario.to_toml())
        zipped.writestr("command.txt", f"{session.command()}\n{session.tick} of {session.steps} steps\n")
        histories = {"": session.run} | ({f"twin-{session.twin}/": session.other} if session.other else {})
        for folder, history in histories.items():
            if history.model.tick:
                for name, frame in history.model.records().frames().items():
                    zipped.writestr(f"{folder}{name}.parquet", frame.to_parquet(index=False))
        for name, html in board(session, Wish()).items():
            if name in SIZES:
                zipped.writestr(f"figures/{name}.svg", _alone(html))
    return packed.getvalue()


def _alone(drawing: str) -> str:
    """A drawing that stands without the page's style sheet."""
    style = (
        "text{font:11px Roboto,sans-serif;fill:var(--soft)}.head{font-weight:600;font-size:12.5px}.head,.strong{fill:var(--ink)}"
        ".note{font-weight:400;font-size:11px;fill:var(--soft)}.fine{font-size:9.5px}.light{fill:var(--card);font-weight:600}"
        ".axis{fill:none;stroke:var(--soft)}.grid{fill:none;stroke:var(--rule);stroke-width:.7}.cell{fill:var(--cell)}"
        ".dashed{stroke-dasharray:5 3}.dotted{stroke-dasharray:2 2}"
        "[transform].dashed{stroke-dasharray:50 30}[transform].dotted{stroke-dasharray:20 20}.chosen{fill:none;stroke:var(--ink)}"
    )
    begin = drawing.index(">") + 1
    head = drawing[:begin].replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    ground = f'<rect width="100%" height="100%" fill="{COLOURS["card"][0]}"/>'
    return settled(f"{head}<style>{style}</style>{ground}{drawing[begin:]}")
