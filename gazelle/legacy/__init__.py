"""The words of Keras 1, Keras 2 and tf.keras in the words of today. Without this room gazelle runs as it is.

In: what a program of an earlier era wrote: arguments, names, paths, attributes. Out: the same in today's words,
or what stood under that name then. Must not know: how anything is computed or trained.

The functions here are what `gazelle.core.era.ask` asks; each gives NOTHING where it has no answer.
"""

from __future__ import annotations

from gazelle.legacy.arguments import arguments
from gazelle.legacy.attributes import assign, attribute
from gazelle.legacy.names import name
from gazelle.legacy.paths import module

__all__ = ["arguments", "assign", "attribute", "module", "name"]
