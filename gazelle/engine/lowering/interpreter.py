"""Interpreter of traced programs: a target's rules build each operation.

A *target* has `name`, `RULES` {primitive: rule}, `MISSING` {primitive: reason} and `constant(numpy array) -> value`.
A rule is `rule(ctx, *inputs, **params)` and returns the operation's value, or a list of them. Where a target has no
rule, an operation is decomposed into simpler ones if possible (`decompose.py`). PRNG keys are raw arrays of shape
(*shape, 2) and dtype uint32, so that targets need no key types. Operations that nothing depends on are omitted.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal  # type: ignore[attr-defined]

from gazelle.core.errors import GazelleError
from gazelle.engine.lowering.decompose import DECOMPOSED
from gazelle.engine.lowering.keys import is_key, on_raw_keys, raw_key, raw_spec

if TYPE_CHECKING:
    from gazelle.core.types import Foreign

#: primitives that only hold a program: {name: its parameter}
INLINED = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "remat2": "jaxpr",
    "checkpoint": "jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
    "composite": "jaxpr",
}
#: primitives that return their inputs
SAME = (
    "copy",
    "copy_p",
    "device_put",
    "name",
    "optimization_barrier",
    "random_clone",
    "random_unwrap",
    "random_wrap",
    "sharding_constraint",
    "stop_gradient",
)
_OF_TRANSFORMS = re.compile(r"\b(?:jvp|transpose|vmap|jit|pjit|rematted_computation|checkpoint)\(|[()]")


class NotLowered(GazelleError, NotImplementedError):  # noqa: N818 - the name states the problem
    """A program contains an operation for which the engine or format has no rule."""


class Target(Protocol):
    """What programs are built for: a module, or an object that holds a graph."""

    @property
    def name(self) -> str: ...

    @property
    def RULES(self) -> Mapping[str, Callable[..., Any]]: ...  # noqa: N802

    @property
    def MISSING(self) -> Mapping[str, str]: ...  # noqa: N802

    def constant(self, value: np.ndarray, /) -> Foreign:
        """Return an array as a value of the target."""


@dataclasses.dataclass(frozen=True)
class Context:
    """The context that a rule receives besides inputs and parameters."""

    target: Any  # a Target, with what its rules need besides
    eqn: Any  # the traced operation
    in_avals: tuple[jax.ShapeDtypeStruct, ...]  # shapes and types of the inputs, those of keys as raw data
    out_avals: tuple[jax.ShapeDtypeStruct, ...]
    where: str  # the path of the layer that the operation belongs to, '' outside of all

    def lower(self, jaxpr: Jaxpr | ClosedJaxpr, consts: Sequence[Any], *inputs: Any) -> list[Any]:
        """The outputs of an inner program; `consts` are its constants as values of the target, if it is not closed."""
        if isinstance(jaxpr, ClosedJaxpr):
            jaxpr, consts = jaxpr.jaxpr, _constants(jaxpr, self.target)
        return _run(jaxpr, consts, self.target, inputs, self.where)

    def dispatch(self, function: Callable[..., Any], *inputs: Any, avals: Sequence[Any] | None = None) -> list[Any]:
        """The outputs of a JAX function that is traced for the inputs: a rule composed of simpler operations."""
        return self.lower(traced(function, *(self.in_avals if avals is None else avals)), (), *inputs)


def traced(function: Callable[..., Any], *avals: Any) -> ClosedJaxpr:
    """The program of a function of arrays with these shapes and types."""
    return jax.make_jaxpr(function)(*avals)


def lower(program: ClosedJaxpr, target: Target, *inputs: Any) -> list[Any]:
    """The outputs of `program` for `inputs`, built by the rules of `target`.

    Raises:
        NotLowered: an operation without a rule; the text names it, its layer and the target.
    """
    return _run(program.jaxpr, _constants(program, target), target, inputs, "")


def _constants(program: ClosedJaxpr, target: Any) -> list[Any]:
    return [target.constant(_host(const)) for const in program.consts]


def _run(jaxpr: Jaxpr, consts: Sequence[Any], target: Any, inputs: Sequence[Any], outer: str) -> list[Any]:
    values: dict[Any, Any] = {}

    def read(atom: Any) -> Any:
        if not isinstance(atom, Literal):
            return values[atom]
        aval: Any = atom.aval
        return target.constant(_host(atom.val, aval.dtype))

    values.update(zip(jaxpr.constvars, consts, strict=True))
    values.update(zip(jaxpr.invars, inputs, strict=True))
    for eqn in _alive(jaxpr):
        out = _operation(eqn, target, [read(atom) for atom in eqn.invars], outer)
        values.update(zip(eqn.outvars, out, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _alive(jaxpr: Jaxpr) -> list[Any]:
    """The operations on which an output or a side effect depends."""
    needed = {atom for atom in jaxpr.outvars if not isinstance(atom, Literal)}
    alive = []
    for eqn in reversed(jaxpr.eqns):
        if eqn.effects or not needed.isdisjoint(eqn.outvars):
            alive.append(eqn)
            needed.update(atom for atom in eqn.invars if not isinstance(atom, Literal))
    return alive[::-1]


def _operation(eqn: Any, target: Any, inputs: list[Any], outer: str) -> list[Any]:
    name = eqn.primitive.name
    if name in SAME:
        return inputs
    where = "/".join(filter(None, (outer, _layer_of(eqn))))
    ctx = Context(target, eqn, tuple(map(_spec, eqn.invars)), tuple(map(_spec, eqn.outvars)), where)
    rule = target.RULES.get(name)
    if name == "reshape" and eqn.params.get("dimensions") is not None:
        return ctx.dispatch(lambda x: x.transpose(eqn.params["dimensions"]).reshape(ctx.out_avals[0].shape), *inputs)
    if rule is None and name in INLINED:
        return ctx.lower(eqn.params[INLINED[name]], (), *inputs)
    if rule is None and name in DECOMPOSED:
        return ctx.dispatch(DECOMPOSED[name](eqn), *inputs)
    if rule is None:
        raise NotLowered(_text(name, where, target))
    if any(is_key(atom.aval) for atom in (*eqn.invars, *eqn.outvars)) and not _holds_program(eqn):
        return ctx.dispatch(on_raw_keys(eqn), *inputs)
    out = rule(ctx, *inputs, **eqn.params)
    return list(out) if eqn.primitive.multiple_results or isinstance(out, list) else [out]


def _text(name: str, where: str, target: Any) -> str:
    reason = target.MISSING.get(name)
    inside = f" (in {where})" if where else ""
    return f"{name!r}{inside} has no rule for {target.name!r}{': ' + reason if reason else ''}."


def _layer_of(eqn: Any) -> str:
    """The layer path of an operation, such as 'block1/conv2d', without the names of transformations."""
    return _OF_TRANSFORMS.sub("", str(eqn.source_info.name_stack)).strip("/")


def _holds_program(eqn: Any) -> bool:
    return any(
        isinstance(one, (Jaxpr, ClosedJaxpr))
        for value in eqn.params.values()
        for one in (value if isinstance(value, tuple) else (value,))
    )


def _spec(atom: Any) -> jax.ShapeDtypeStruct:
    aval = raw_spec(atom.aval)
    return jax.ShapeDtypeStruct(aval.shape, aval.dtype)


def _host(value: Any, dtype: Any = None) -> np.ndarray:
    if is_key(value):
        return np.asarray(raw_key(value))
    return np.asarray(value, dtype)
