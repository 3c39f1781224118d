"""From a traced program to another system's operations: one interpreter, and one table of rules for each target.

In: a closed jaxpr and a target (name, RULES, MISSING, constant). Out: the target's values. Must not know: models.
"""

from gazelle.engine.lowering.interpreter import Context, NotLowered, lower, traced

__all__ = ["Context", "NotLowered", "lower", "traced"]
