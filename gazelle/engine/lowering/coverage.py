"""Which operations of a program a target has rules for, found without the target's package."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr  # type: ignore[attr-defined]

from gazelle.engine.lowering.decompose import DECOMPOSED
from gazelle.engine.lowering.interpreter import INLINED, Context, lower
from gazelle.engine.lowering.keys import raw_spec

if TYPE_CHECKING:
    from gazelle.engine.lowering.interpreter import Target


@dataclasses.dataclass
class Coverage:
    """Primitives that programs reach: those with a rule, those declared as missing by the target, and all others."""

    ruled: set[str] = dataclasses.field(default_factory=set)
    missing: set[str] = dataclasses.field(default_factory=set)
    unknown: set[str] = dataclasses.field(default_factory=set)

    def add(self, other: Coverage) -> None:
        """Add the primitives that another program reaches."""
        for field in dataclasses.fields(self):
            getattr(self, field.name).update(getattr(other, field.name))


def coverage(program: ClosedJaxpr, target: Target) -> Coverage:
    """Return the primitives that `lower` would need from the target.

    >>> from gazelle.engine.lowering import pytensor, traced
    >>> found = coverage(traced(lambda x: jnp.nextafter(jnp.sin(x), x), np.ones(3, "float32")), pytensor)
    >>> sorted(found.ruled), found.missing
    (['sin'], {'nextafter'})
    """
    found = Coverage()
    lower(program, _Observer(target, found), *map(raw_spec, program.in_avals))  # type: ignore[arg-type]
    return found


class _Observer:
    """A target whose rules map shapes to shapes, and record the primitives that the other target needs."""

    def __init__(self, target: Target, found: Coverage) -> None:
        self.name, self.MISSING, self.RULES = target.name, target.MISSING, self
        self.target, self.found = target, found

    @staticmethod
    def constant(value: np.ndarray) -> np.ndarray:
        return value

    def get(self, name: str) -> Callable[..., Any] | None:
        """The rule of a primitive; None if the interpreter needs none."""
        if name in self.target.RULES:
            self.found.ruled.add(name)
        elif name in INLINED or name in DECOMPOSED:
            return None
        elif name in self.MISSING:
            self.found.missing.add(name)
        else:
            self.found.unknown.add(name)
        return _shapes


def _shapes(ctx: Context, *_: Any, **params: Any) -> list[Any]:
    for value in params.values():
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, ClosedJaxpr):
                ctx.lower(one, (), *map(raw_spec, one.in_avals))
            elif isinstance(one, Jaxpr):
                ctx.lower(one, [raw_spec(v.aval) for v in one.constvars], *(raw_spec(v.aval) for v in one.invars))
    return list(ctx.out_avals)
