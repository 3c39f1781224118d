"""Engines execute: a pure function in, a compiled callable out. They know no layer, no model and no file.

In: a pure function of arrays. Out: a callable that runs it. Must not know: what the function computes.
"""

from gazelle.engine.xla import buffer, compile, copy, fetch, place, resident, take

__all__ = ["buffer", "compile", "copy", "fetch", "place", "resident", "take"]
