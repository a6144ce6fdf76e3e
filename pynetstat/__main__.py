"""``python -m pynetstat``."""

import sys

from pynetstat.cli import script

if __name__ == "__main__":
    sys.exit(script())
