"""The compiled programs of a step: loops over batches whose length is known at run time, shared by equal models."""

from __future__ import annotations

import functools
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from gazelle import engine
from gazelle.training.state import State, given_path, with_shardings
from gazelle.training.step import LossStep, Step, TraceInfo, signature

if TYPE_CHECKING:
    from gazelle.core.types import Tree
    from gazelle.core.variable import Variable

_CAPACITY = 32  # structures whose programs are stored


class Programs:
    """The programs `train`, `test`, `report` and `predict` of a step.

    They hold no model and no arrays. A program that is not compiled yet for its arguments is traced from a step that
    is alive: equal models share their programs and any of them may be traced.

    Args:
        run_eagerly: run steps in Python, uncompiled.
        key: text that identifies the structure for other processes, which reuse compiled programs and `traces`.
        traces: what tracing showed in an earlier process, by signature of the batch.
    """

    def __init__(
        self, run_eagerly: bool = False, key: str | None = None, traces: Mapping[str, TraceInfo] | None = None
    ) -> None:
        self._steps: weakref.WeakKeyDictionary[Step, None] = weakref.WeakKeyDictionary()  # the last one is to run
        self._key, self._traces = key, dict(traces or {})
        compiled = _uncompiled if run_eagerly else engine.compile
        loop = _eager_loop if run_eagerly else functools.partial(_compiled_loop, lambda: self._step().variables)
        keys = [key and f"{kind} {key}" for kind in ("train", "test")]
        train = loop(lambda *args: self._step().train(*args), lambda state: self._report(state.totals, "train"))
        test = loop(lambda *args: self._step().test(*args), lambda carry: self._report(carry[0], "test"))
        self.train = compiled(train, donate=(0,), key=keys[0])
        self.test = compiled(test, key=keys[1])
        self.report = compiled(lambda totals: self._report(totals, "train"))
        predict = _eager_predict_loop if run_eagerly else _predict_loop
        self.predict = compiled(predict(lambda *args: self._step().predict(*args)))

    def add(self, step: Step) -> None:
        """Let the programs be traced from this step, whose metrics are built, first of all."""
        self._steps.pop(step, None)
        self._steps[step] = None

    def _step(self) -> Step:
        """The last added step; others belong to models that may have replaced methods or weights since."""
        steps = list(self._steps)[::-1]
        return next((step for step in steps if step.is_current()), steps[0])

    def _report(self, totals: Any, kind: str) -> dict[str, Any]:
        return self._step().metrics.report(totals, kind)

    def trace(self, step: LossStep, sample: Tree) -> TraceInfo:
        """What tracing a batch (x, y, sample_weight) shows; it is traced once for each signature."""
        kind = repr(signature(jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), sample)))
        if kind not in self._traces:
            self._traces[kind] = step.trace(sample)
            if self._key is not None:
                engine.save_metadata(self._key, self._traces)
        return self._traces[kind]


def _uncompiled(program: Callable[..., Any], **_: Any) -> Callable[..., Any]:
    return program


_shared: OrderedDict[Hashable, Programs] = OrderedDict()
_lock = threading.RLock()


def shared(key: Hashable) -> Programs:
    """The programs of all steps with this key, which other processes may have compiled."""
    text, key = repr(key), (engine.current(), engine.active_distribution(), key)
    with _lock:
        if key not in _shared:
            _shared[key] = Programs(key=text, traces=engine.load_metadata(text))
        _shared.move_to_end(key)
        while len(_shared) > _CAPACITY:
            _shared.popitem(last=False)
        return _shared[key]


# Loops ---------------------------------------------------------------------------------------------------------------


def _batch(data: Any, index: Any) -> Any:
    return jax.tree.map(lambda array: jax.lax.dynamic_index_in_dim(array, index, keepdims=False), data)


def _compiled_loop(
    variables: Callable[[], Mapping[str, Variable]], step: Callable[..., Any], report: Callable[[Any], Any]
) -> Callable[..., tuple[Any, Any, Any]]:
    """Make `(carry, fixed, data, start, stop) -> (carry, logs, end)`.

    variables: those of the step; step: `(carry, fixed, batch) -> (carry, applied)`; report: `carry -> logs`;
    carry: what each step changes; fixed: what it only reads; data: pytree of arrays (steps, batch, ...); start, stop:
    the range of steps, arrays and not constants, so that one program serves every length. A step that is not `applied`
    is the last one and is not counted: `end` is then its index instead of `stop`.
    """

    def program(carry: Any, fixed: Any, data: Any, start: Any, stop: Any) -> tuple[Any, Any, Any]:
        def condition(loop: tuple[Any, Any, Any]) -> Any:
            index, applied, _ = loop
            return (index < stop) & applied

        def body(loop: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
            index, _, carry = loop
            carry, applied = step(carry, fixed, _batch(data, index))
            return index + jnp.where(applied, 1, 0), applied, _with_shardings(carry, variables)

        end, _, carry = jax.lax.while_loop(condition, body, (start, jnp.bool_(True), carry))
        carry = _with_shardings(carry, variables)
        return carry, engine.constrain_replicated(report(carry)), end

    return program


def _with_shardings(carry: Any, variables: Callable[[], Mapping[str, Variable]]) -> Any:
    """Constrain the results of a step to the former shardings: XLA would choose others and compile again."""
    if engine.active_distribution() is None:
        return carry
    if isinstance(carry, State):
        return with_shardings(carry, engine.constrain_variable, engine.constrain_replicated, variables())
    totals, assigned, count = carry
    known = variables()
    assigned = {key: engine.constrain_variable(key, array, given_path(known, key)) for key, array in assigned.items()}
    return engine.constrain_replicated(totals), assigned, engine.constrain_replicated(count)


def _eager_loop(step: Callable[..., Any], report: Callable[[Any], Any]) -> Callable[..., tuple[Any, Any, Any]]:
    """`_compiled_loop` in Python, uncompiled: a step may print values, and a debugger stops in it."""

    def program(carry: Any, fixed: Any, data: Any, start: Any, stop: Any) -> tuple[Any, Any, Any]:
        end = start
        while end < stop:
            carry, applied = step(carry, fixed, _batch(data, end))
            if not applied:
                break
            end = end + 1
        return carry, report(carry), end

    return program


def _predict_loop(step: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    """Make `(values, key, data, count) -> (outputs, assigned)` of `step(values, key, batch, count)`.

    data: pytree of arrays (steps, batch, ...); outputs: those of all steps, stacked. `assigned` are the values that a
    step changed; the next step reads them.
    """

    def program(values: Any, key: Any, data: Any, count: Any) -> tuple[Any, Any]:
        steps = jax.tree.leaves(data)[0].shape[0]
        first_batch = _batch(data, 0) if steps > 1 else jax.tree.map(lambda array: array[0], data)
        outputs, assigned = step(values, key, first_batch, count)
        first = jax.tree.map(lambda array: array[None], outputs)
        if steps == 1:
            return engine.constrain_replicated(first), assigned

        def body(assigned: Any, index: Any) -> tuple[Any, Any]:
            outputs, after = step(values | assigned, key, _batch(data, index), count + index)
            return after, outputs

        assigned, rest = jax.lax.scan(body, assigned, jnp.arange(1, steps, dtype=jnp.uint32))
        stacked = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), first, rest)
        return engine.constrain_replicated(stacked), assigned

    return program


def _eager_predict_loop(step: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    """`_predict_loop` in Python, uncompiled."""

    def program(values: Any, key: Any, data: Any, count: Any) -> tuple[Any, Any]:
        outputs: list[Any] = []
        assigned: dict[str, Any] = {}
        for index in range(jax.tree.leaves(data)[0].shape[0]):
            out, assigned = step(values | assigned, key, _batch(data, index), count + index)
            outputs.append(out)
        return jax.tree.map(lambda *arrays: jnp.stack(arrays), *outputs), assigned

    return program
