"""The step of a model that overrides `train_step`, `test_step` or `predict_step`, as pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import jax
import jax.numpy as jnp

from gazelle.core import tracing
from gazelle.core.variable import Variable
from gazelle.data.arrays import pack_x_y_sample_weight
from gazelle.ops.platforms import conditional
from gazelle.training.metrics_state import MetricsState, flat_logs
from gazelle.training.outputs import keep_order
from gazelle.training.state import State
from gazelle.training.step import Batch, changed_values, inference_key

if TYPE_CHECKING:
    from gazelle.core.types import Array, Tree


class StepMethods(Protocol):
    """What a model with custom steps provides: functions of a batch that read and assign its variables."""

    train: Callable[[Any], Mapping[str, Any]]  # data -> logs
    test: Callable[[Any], Mapping[str, Any]]
    predict: Callable[[Any], Any]  # data -> outputs
    updated: set[int]  # ids of the variables that the traced steps assign
    finished: Any  # number of finished steps, from which random numbers are drawn

    @property
    def names(self) -> Mapping[int, str]:
        """{id(layer): path}, from which random numbers are drawn."""
        ...

    def step_variables(self) -> dict[str, Variable]:
        """{path: variable} of all that the steps may read or assign, without the variables of metrics."""
        ...

    def include(self, variables: Iterable[Variable]) -> None:
        """Count variables that a step has read among `step_variables`, wherever they are stored."""
        ...

    def named_variables(self) -> dict[str, Variable]:
        """{path: variable} of the metrics, which are reset before each pass."""
        ...

    def initial_values(self) -> dict[str, Any]:
        """{path: array} of the metrics before the first batch."""
        ...

    def result(self) -> dict[str, Any]:
        """{name: result} of the metrics."""
        ...

    def metric_names(self) -> list[str]:
        """Names of the metrics in the order of the logs."""
        ...

    def weights(self) -> list[Variable]:
        """The weights of the model among `step_variables`."""
        ...

    def trainable(self) -> set[int]:
        """ids of the variables that are trained."""
        ...


class CustomStep:
    """The step of a model with custom step methods.

    A method is first traced once (`trace`): layers, slots and metrics are created at their first use, and tracing shows
    which variables the step reads and assigns and which logs it returns.

    Args:
        methods: the step methods of the model.
        run_eagerly: run the first batch instead of tracing it.
    """

    def __init__(self, methods: StepMethods, run_eagerly: bool) -> None:
        self.methods, self.run_eagerly = methods, run_eagerly
        self.metrics = MetricsState(methods)
        self.metrics.built = True
        self.variables: dict[str, Variable] = {}  # those that the trainer holds

    def is_current(self) -> bool:
        """Return True: the programs of a custom step are traced from no other."""
        return True

    def trace(self, kind: str, batch: Tree) -> set[int]:
        """Trace a batch and return the ids of the variables that the step assigns.

        Args:
            kind: "train", "test" or "predict".
            batch: what the method is called with.
        """
        method, assigned, created = getattr(self.methods, kind), set[int](), list[Variable]()
        names: list[str] = []  # in the order of the step, which JAX replaces by the alphabet

        def traced(batch: Any) -> Any:
            context = tracing.TraceContext(values={}, key=jax.random.key(0), training=None, closed=True)
            context.names, context.seen, context.created = self.methods.names, {}, created
            with tracing.entered(context):
                out = method(batch)
            assigned.update(context.values or ())
            self.methods.include(context.seen.values())
            if kind != "predict":
                out = flat_logs(out)
                names.extend(out)
            return out, [variable._value for variable in created]

        if self.run_eagerly:
            logs, _ = traced(jax.tree.map(jnp.asarray, batch))
        else:
            specs = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), batch)
            program, (logs, _) = jax.make_jaxpr(traced, return_shape=True)(specs)
            _initialize(created, program, jax.tree.leaves(batch))
        if kind != "predict":
            self.methods.step_variables()  # the step may have made metrics
            ids = set(map(id, self.methods.named_variables().values()))
            self.metrics.last_logs[kind] = {name: logs[name] for name in names}
            self.metrics.reports_metrics[kind] = not ids.isdisjoint(assigned)
            self.methods.updated.update(assigned)
        return assigned

    def _run(self, kind: str, values: Any, totals: Any, batch: Any, key: Any) -> tuple[Any, Any, Any]:
        """(logs, values, totals) after one step."""
        metrics = self.methods.named_variables()
        step = tracing.functionalize(getattr(self.methods, kind), {**self.variables, **metrics}, self.methods.names)
        given = {**values, **{path: totals[path] for path in metrics}}
        # without `training`, layers have the default of their `call`
        logs, after, _ = step(given, batch, key=key, training=None)
        logs = flat_logs(logs)
        last = {f"{kind}/{name}": value for name, value in logs.items()}
        totals = {**totals, **{path: after[path] for path in metrics}, **last}
        return logs, {path: after[path] for path in values}, totals

    def train(self, state: State, force: Array, batch: Batch) -> tuple[State, Any]:
        """Run `train_step` on a batch; as `LossStep.train`, with the losses among the logs deciding."""
        key = state.random_key()
        data = pack_x_y_sample_weight(*batch)
        logs, after, totals = self._run("train", state.params | state.buffers, state.totals, data, key)
        losses = [v for name, v in logs.items() if name == "loss" or name.endswith("_loss")]
        applied = jnp.all(jnp.asarray([jnp.all(jnp.isfinite(v)) for v in losses], bool)) | force
        params, buffers = ({path: after[path] for path in part} for part in (state.params, state.buffers))
        params, buffers, step = conditional(
            applied, lambda: (params, buffers, state.step + 1), lambda: (state.params, state.buffers, state.step)
        )
        return State(params, buffers, state.slots, totals, state.hyper, state.key, step), applied

    def test(self, carry: tuple[Any, ...], fixed: tuple[Any, ...], batch: Batch) -> tuple[Any, Any]:
        """Run `test_step` on a batch; as `LossStep.test`."""
        (totals, assigned, count), (values, key) = carry, fixed
        data = pack_x_y_sample_weight(*batch)
        _, after, totals = self._run("test", values | assigned, totals, data, inference_key(key, count))
        return (totals, {path: after[path] for path in assigned}, count + 1), jnp.bool_(True)

    def predict(self, values: Mapping[str, Any], key: Array, x: Tree, count: Array) -> tuple[Any, Any]:
        """Run `predict_step` on a batch; as `LossStep.predict`."""
        metrics = self.methods.named_variables()  # which layers may update; nothing reads them later
        step = tracing.functionalize(self.methods.predict, {**self.variables, **metrics}, self.methods.names)
        zeros = {path: jnp.zeros(v.shape, v.dtype) for path, v in metrics.items()}
        outputs, after, _ = step({**values, **zeros}, pack_x_y_sample_weight(x), key=inference_key(key, count))
        return keep_order(outputs), changed_values(values, {path: after[path] for path in values})


def _initialize(created: list[Variable], program: Any, arrays: list[Any]) -> None:
    """Give variables that a traced step created, such as `Variable(zeros_like(gradient))`, their first values.

    Args:
        created: the variables; their values are the last outputs of the program.
        program: the traced step.
        arrays: its arguments.
    """
    if created:
        from jax.extend.core import jaxpr_as_fun  # which loads Pallas and takes time

        values = jax.jit(lambda *given: jaxpr_as_fun(program)(*given)[-len(created) :])(*arrays)
        for variable, value in zip(created, values, strict=True):
            variable._value = value
