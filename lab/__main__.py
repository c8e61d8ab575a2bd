"""python -m lab VERB"""

from lab.cli import main

raise SystemExit(main())
