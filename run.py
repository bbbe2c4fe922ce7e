"""Start the command line: `python run.py` runs the main job, `python run.py --help` says what else there is."""

import sys

from abm.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
