"""`python -m pretrade` is the command `pretrade`."""

import sys

from pretrade.cli.main import main

sys.exit(main())
