"""`python -m infodecomp …`: the same as the command `infodecomp`."""

import sys

from infodecomp.cli import main

if __name__ == "__main__":
    sys.exit(main())
