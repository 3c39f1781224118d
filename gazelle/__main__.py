"""`python -m gazelle` is the command `gazelle`."""

import sys

from gazelle.cli.__main__ import main

sys.exit(main())
