"""Models with steps of their own: what `train_step(data)` reads and assigns is bound, so that it is one pure step."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from typing import Any

import jax
import jax.numpy as jnp

from gazelle import data, engine
from gazelle.core import tracing
from gazelle.core.variable import Variable
from gazelle.data.arrays import pack_x_y_sample_weight
from gazelle.training.compiled_loop import advance, by_hand, collect
from gazelle.training.custom_metrics_state import CustomMetricsState, Steps, flat_logs
from gazelle.training.programs import ModelSpec, signature
from gazelle.training.state import Live, State
from gazelle.training.step import Batch, changed, test_key
from gazelle.training.trainer import Trainer


@dataclasses.dataclass
class CustomPrograms:
    """`train`, `test` and `report` of one model, as `Programs` has them."""

    train: Callable[..., Any]
    test: Callable[..., Any]
    report: Callable[[Any], Any]


class CustomTrainer(Trainer):
    """The trainer of a model whose steps are its own.

    Every step is first traced once with what is there (`_look`): layers, slots and metrics are made at their first
    use, and then it is known what the step reads, assigns and returns.
    """

    own_steps = True
    programs: Any
    meters: Any

    def __init__(self, model: ModelSpec, seed: int, steps: Steps, alone: bool) -> None:
        super().__init__(model, seed, alone=alone)
        self.steps, self.meters = steps, CustomMetricsState(steps)
        self._seen: set[Hashable] = set()
        self._take_up()

    def prepare(self, source: data.Source, kind: str = "train") -> None:
        self._look(kind, pack_x_y_sample_weight(*source.sample) if kind != "predict" else source.sample[0])

    @property
    def weights(self) -> dict[str, Variable]:
        ids = set(map(id, self.steps.weights()))
        return {path: v for path, v in self.variables.items() if id(v) in ids}

    def check_labels(self, source: data.Source) -> None:
        """Of a validation: what its step is."""
        self.prepare(source, "test")

    @property
    def predict(self) -> Callable[..., Any]:
        if self._predict is None:
            self._predict = self._compile(collect(self._predict_step))
        return self._predict

    def _look(self, kind: str, batch: Any) -> None:
        key = kind, signature(batch)
        if key in self._seen:
            return
        step, assigned = getattr(self.steps, kind), set[int]()

        def once(batch: Any) -> Any:
            scope = tracing.Scope(values={}, key=jax.random.key(0), training=False, closed=True)
            scope.names = self.steps.names()
            with tracing.entered(scope):
                out = step(batch)
            assigned.update(scope.values or ())
            return out if kind == "predict" else flat_logs(out)

        if self.model.run_eagerly:
            logs = once(jax.tree.map(jnp.asarray, batch))
        else:
            logs = jax.eval_shape(once, jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), batch))
        if kind != "predict":
            self.meters.logs[kind] = logs
            self.meters.counts[kind] = any(id(v) in assigned for v in self.steps.sums().values())
        self._take_up()
        if kind == "test":
            self.assigned = [path for path, v in self.variables.items() if id(v) in assigned]
        self.live.totals = {**self.meters.start(), **self.live.totals}
        self._seen.add(key)

    def _take_up(self) -> None:
        """Hold all variables that are there by now."""
        now = self.steps.variables()
        if self.programs is None or [*map(id, now.values())] != [*map(id, self.variables.values())]:
            self.live.release()
            ids = self.steps.trainable()
            self.variables, totals = now, self.live.totals
            self.live = _Live(now, {path for path, v in now.items() if id(v) in ids}, self)
            self.live.totals = totals
            loop = by_hand if self.model.run_eagerly else advance
            train, test = self.meters.report("train"), self.meters.report("test")
            self.programs = CustomPrograms(
                self._compile(loop(self._train_step, lambda state: train(state.totals)), donate=(0,)),
                self._compile(loop(self._test_step, lambda carry: test(carry[0]))),
                self._compile(train),
            )
            self._predict = None

    def _compile(self, program: Callable[..., Any], donate: tuple[int, ...] = ()) -> Callable[..., Any]:
        return program if self.model.run_eagerly else engine.compile(program, donate)

    def _run(self, kind: str, values: Any, totals: Any, batch: Any, key: Any) -> tuple[Any, Any, Any]:
        """(logs, values, totals) after one step."""
        sums = self.steps.sums()
        step = tracing.pure(getattr(self.steps, kind), {**self.variables, **sums}, self.steps.names())
        logs, after, _ = step({**values, **{path: totals[path] for path in sums}}, batch, key=key)
        logs = flat_logs(logs)
        last = {f"{kind}/{name}": value for name, value in logs.items()}
        return logs, {path: after[path] for path in values}, {**totals, **{path: after[path] for path in sums}, **last}

    def _train_step(self, state: State, force: Any, batch: Any) -> tuple[State, Any]:
        key = jax.random.fold_in(state.key, state.step)
        logs, after, totals = self._run(
            "train", state.params | state.buffers, state.totals, pack_x_y_sample_weight(*batch), key
        )
        losses = [v for name, v in logs.items() if name == "loss" or name.endswith("_loss")]
        on = jnp.all(jnp.asarray([jnp.all(jnp.isfinite(v)) for v in losses], bool)) | force
        params, buffers = ({path: after[path] for path in part} for part in (state.params, state.buffers))
        params, buffers, step = jax.lax.cond(
            on, lambda: (params, buffers, state.step + 1), lambda: (state.params, state.buffers, state.step)
        )
        return State(params, buffers, state.slots, totals, state.hyper, state.key, step), on

    def _test_step(self, carry: Any, fixed: Any, batch: Batch) -> Any:
        (totals, assigned, count), (values, key) = carry, fixed
        given = pack_x_y_sample_weight(*batch)
        _, after, totals = self._run("test", values | assigned, totals, given, test_key(key, count))
        return (totals, {path: after[path] for path in assigned}, count + 1), jnp.bool_(True)

    def _predict_step(self, values: Any, key: Any, x: Any, count: Any) -> Any:
        step = tracing.pure(self.steps.predict, self.variables, self.steps.names())
        outputs, after, _ = step(values, x, key=test_key(key, count))
        return outputs, changed(values, after)


class _Live(Live):
    """The lease on all variables of such a model; its optimizers' are among them."""

    def __init__(self, variables: dict[str, Variable], trainable: set[str], trainer: CustomTrainer) -> None:
        super().__init__(variables, trainable, None, trainer.key)
        self._steps, self._main = trainer.steps, trainer.optimizer

    def flush(self) -> None:
        with self.lock:
            super().flush()
            if self.state is not None:
                self._steps.finished = self.state.step

    def _collect(self) -> None:
        step = self._steps.finished if self.state is None else self.state.step
        super()._collect()
        assert self.state is not None
        self.state.step = engine.copy(jnp.asarray(step, jnp.int32))

    def finish(self) -> None:
        """The end of a training: averages of weights, where the model's optimizer kept some, become the weights."""
        with self.lock:
            if self._main is not None and self._main.use_ema and self._main.built:
                self._main.finalize_variable_values([self.variables[path] for path in self.trainable])
