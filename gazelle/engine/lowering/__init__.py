"""Conversion of traced programs to operations of other systems: one interpreter, and a table of rules per target.

Input: a closed jaxpr and a target (name, RULES, MISSING, constant). Output: values of the target. Must not depend on
models.
"""

from gazelle.engine.lowering.interpreter import Context, NotLowered, lower, traced

__all__ = ["Context", "NotLowered", "lower", "traced"]
