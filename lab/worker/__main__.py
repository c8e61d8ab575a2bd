"""`python -m lab.worker RUN ATTEMPT SLOT [STAGE]`."""

import sys

from lab.worker import share, work

given = sys.argv[1:]
raise SystemExit(share(given[0], int(given[1]), given[2], int(given[3])) if len(given) > 3 else work(given[0], int(given[1]), given[2]))
