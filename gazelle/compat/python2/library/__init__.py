"""Modules of Python as Python 2 had them: a converted program imports these in the place of those of Python 3."""

from gazelle.compat.tables import listed

MODULES = frozenset(listed("csv gzip pickle random re"))
