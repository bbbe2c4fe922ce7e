"""The same study through MPI: `mpiexec` and mpi4py's executor, one process that hands out and two that run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from abm.study import load
from abm.study.errors import StudyError
from tests.study.desk import lasting, study, swept

ROOT = Path(__file__).parents[2]
BESIDE = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where the wheels of MPI libraries put it
MPIEXEC = shutil.which("mpiexec", path=BESIDE)
OPEN_MPI = {  # which runs neither as root nor more processes than processors unless told
    **dict.fromkeys(("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "OMPI_MCA_rmaps_base_oversubscribe"), "1"),
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}
SCRIPT = """
import sys
from pathlib import Path
from tests.study.desk import study, swept
if __name__ == "__main__":
    swept(Path(sys.argv[1]), study(replications=40, set={"died": sys.argv[2]}), "mortal", cluster="mpi")
"""


def through_mpi(script: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A script under three processes of MPI."""
    command = [str(MPIEXEC), "-n", "3", sys.executable, "-m", "mpi4py.futures", str(script), *words]
    environment = os.environ | OPEN_MPI | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)


def mpi_works() -> bool:
    """Whether two processes find each other."""
    if MPIEXEC is None:
        return False
    command = [MPIEXEC, "-n", "2", sys.executable, "-c", "from mpi4py import MPI; assert MPI.COMM_WORLD.size == 2"]
    return subprocess.run(command, env=os.environ | OPEN_MPI, capture_output=True, check=False, timeout=120).returncode == 0


@pytest.mark.slow
def test_mpi_gives_what_one_process_gives_though_a_process_is_killed(tmp_path: Path) -> None:
    if not mpi_works():
        pytest.skip("needs mpiexec and mpi4py, as in `pip install mpich mpi4py`")
    (tmp_path / "script.py").write_text(SCRIPT)
    words = (str(tmp_path / "out"), str(tmp_path / "died"))
    killed = through_mpi(tmp_path / "script.py", *words)  # MPI ends with the process that dies
    assert killed.returncode != 0
    assert (tmp_path / "died").exists()
    continued = through_mpi(tmp_path / "script.py", *words)
    assert "160 of 160 runs" in continued.stdout, continued.stderr
    alone = swept(tmp_path / "alone", study(replications=40))
    pd.testing.assert_frame_equal(lasting(load(tmp_path / "out")), alone, check_exact=True)


def test_mpi_without_its_launcher_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="--cluster mpi is started by mpi4py: mpiexec -n 3 python -m mpi4py.futures run.py"):
        swept(tmp_path / "out", cluster="mpi")
    assert not (tmp_path / "out").exists()
