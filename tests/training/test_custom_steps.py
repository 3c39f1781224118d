"""Custom steps: compared with Keras on JAX where it runs the same program; resuming."""

import jax
import keras
import numpy as np
import pytest

import gazelle
from gazelle.core.errors import ArgumentError, StateError
from gazelle.core.gradients import value_and_grad

pytestmark = pytest.mark.optimized

RNG = np.random.default_rng(3)
X = RNG.normal(size=(24, 3)).astype("float32")
Y = (X @ np.array([[1.0], [2.0], [-1.0]])).astype("float32")
W = RNG.uniform(0.5, 2.0, size=24).astype("float32")


def stateless(k):
    """The form of Keras' guide for JAX, with a step for tests and one for predictions."""

    class Stateless(k.Model):
        def compute_loss_and_updates(self, trainable, fixed, x, y, training=False):
            y_pred, fixed = self.stateless_call(trainable, fixed, x, training=training)
            return self.compute_loss(x, y, y_pred), (y_pred, fixed)

        def count(self, values, loss, y, y_pred):
            new, logs = [], {}
            for metric in self.metrics:
                own = values[len(new) : len(new) + len(metric.variables)]
                given = (loss,) if metric.name == "loss" else (y, y_pred)
                own = metric.stateless_update_state(own, *given)
                logs[metric.name] = metric.stateless_result(own)
                new += own
            return logs, new

        def train_step(self, state, data):
            trainable, fixed, slots, sums = state
            x, y = data
            gradient = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
            (loss, (y_pred, fixed)), grads = gradient(trainable, fixed, x, y, training=True)
            trainable, slots = self.optimizer.stateless_apply(slots, grads, trainable)
            logs, sums = self.count(sums, loss, y, y_pred)
            return logs, (trainable, fixed, slots, sums)

        def test_step(self, state, data):
            trainable, fixed, sums = state
            x, y = data
            loss, (y_pred, fixed) = self.compute_loss_and_updates(trainable, fixed, x, y)
            logs, sums = self.count(sums, 2 * loss, y, y_pred)
            return logs, (trainable, fixed, sums)

        def predict_step(self, state, data):
            y_pred, fixed = self.stateless_call(*state, data[0] if isinstance(data, tuple) else data)
            return 10 * y_pred, fixed

    return Stateless


def parts(k):
    """The built-in step with a loss and metrics of one's own."""

    class Parts(k.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.worst = k.metrics.Mean(name="worst")

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return 3 * super().compute_loss(x, y, y_pred, sample_weight) if training else k.ops.mean(abs(y - y_pred))

        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            self.worst.update_state(k.ops.max(k.ops.abs(y - y_pred)))
            return super().compute_metrics(x, y, y_pred, sample_weight)

    return Parts


def built(k, kind):
    inputs = k.Input((3,))
    penalty = None if kind.__name__ == "Stateless" else 0.01  # Keras on JAX fails with one in that form
    x = k.layers.Dense(4, activation="tanh", kernel_regularizer=penalty and k.regularizers.L2(penalty))(inputs)
    x = k.layers.BatchNormalization()(x)
    model = kind(inputs, k.layers.Dense(1)(x))
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) ** 2 for w in model.get_weights()])
    model.compile(k.optimizers.SGD(0.01, momentum=0.9), "mse", metrics=["mae"], weighted_metrics=None)
    return model


@pytest.mark.parametrize("kind", [stateless, parts])
def test_the_same_program_on_keras(kind):
    seen = []
    for k in (keras, gazelle):
        model = built(k, kind(k))
        arguments = {} if kind is stateless else {"sample_weight": W}
        own = {"keep": False} if k is gazelle else {}
        history = model.fit(
            X, Y, batch_size=6, epochs=3, shuffle=False, verbose=0, validation_data=(X, Y), **arguments, **own
        )
        seen.append(
            (
                {name: np.array(values) for name, values in history.history.items()},
                model.evaluate(X, Y, batch_size=8, verbose=0, return_dict=True),
                np.array(model.evaluate(X, Y, batch_size=8, verbose=0)),
                model.predict(X, batch_size=8, verbose=0),
                {} if kind is stateless else model.train_on_batch(X[:8], Y[:8], W[:8], return_dict=True),
                [np.array(v) for v in model.get_weights()],
                int(model.optimizer.iterations.value),
            )
        )
    theirs, ours = seen
    assert set(theirs[0]) == set(ours[0])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5), theirs, ours)


class Stopped(Exception):  # noqa: N818
    """Stands for whatever ends a training."""


class Pair(gazelle.Model):
    """Two networks that learn against each other, each with its optimizer; noise, dropout and moving statistics."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        layers = gazelle.layers
        self.judge = gazelle.Sequential(
            [gazelle.Input((3,)), layers.Dense(4, "tanh"), layers.Dropout(0.3), layers.Dense(1)]
        )
        self.maker = gazelle.Sequential([gazelle.Input((2,)), layers.Dense(3), layers.BatchNormalization()])
        self.seeds = gazelle.random.SeedGenerator(1)
        self.losses_seen = [gazelle.metrics.Mean(name="judge_loss"), gazelle.metrics.Mean(name="maker_loss")]

    def compile(self, judge_optimizer, maker_optimizer, loss_fn, **kwargs):
        super().compile(**kwargs)
        self.judge_optimizer, self.maker_optimizer, self.loss_fn = judge_optimizer, maker_optimizer, loss_fn

    @property
    def metrics(self):
        return self.losses_seen

    def train_step(self, data):
        count = gazelle.ops.shape(data)[0]
        noise = gazelle.random.normal((count, 2), seed=self.seeds)
        made, real = gazelle.ops.zeros((count, 1)), gazelle.ops.ones((count, 1))

        def judged():
            seen = gazelle.ops.concatenate([self.maker(noise, training=True), data])
            return self.loss_fn(gazelle.ops.concatenate([made, real]), self.judge(seen, training=True)), None

        def deceived():
            return self.loss_fn(real, self.judge(self.maker(noise))), None

        logs = {}
        for loss, network, optimizer, metric in (
            (judged, self.judge, self.judge_optimizer, self.losses_seen[0]),
            (deceived, self.maker, self.maker_optimizer, self.losses_seen[1]),
        ):
            (value, _), grads = value_and_grad(loss, network.trainable_weights)
            optimizer.apply_gradients(zip(grads, network.trainable_weights, strict=True))
            metric.update_state(value)
            logs[metric.name] = metric.result()
        return logs


def pair(**kwargs):
    gazelle.utils.set_random_seed(1)
    model = Pair(name="pair")
    adam = gazelle.optimizers.Adam
    model.compile(adam(0.01), adam(0.02), gazelle.losses.BinaryCrossentropy(from_logits=True), **kwargs)
    return model


def values_of(model):
    optimizers = model.judge_optimizer.variables, model.maker_optimizer.variables
    return [np.array(v) for v in [*model.get_weights(), *optimizers[0], *optimizers[1], model.seeds.state]]


@pytest.fixture(scope="module")
def whole():
    """A training of two networks that nothing interrupted."""
    model = pair()
    return model, model.fit(X, batch_size=6, epochs=3, verbose=0, keep=False)


def test_two_optimizers_go_on_bit_for_bit_after_a_stop(whole):
    class Stop(gazelle.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise Stopped

    with pytest.raises(Stopped):
        pair().fit(X, batch_size=6, epochs=3, verbose=0, callbacks=[Stop()])
    model = pair()
    history = model.fit(X, batch_size=6, epochs=3, verbose=0, resume=True)
    assert history.history == whole[1].history
    assert list(history.history) == ["judge_loss", "maker_loss"]
    assert int(model.maker_optimizer.iterations.value) == 12
    assert model.seeds.state.numpy()[1] == 12
    assert not model.optimizer.built  # the one of compile() was never asked
    jax.tree.map(np.testing.assert_array_equal, values_of(model), values_of(whole[0]))


def test_the_assigning_form_is_the_built_in_step():
    """A step that only calls the parent's computes what no step of one's own computes."""

    class Plain(gazelle.Model):
        def train_step(self, data):
            return super().train_step(data)

    class PureFunctions(gazelle.Model):
        def train_step(self, state, data):
            return super().train_step(state, data)

    seen = []
    for kind in (gazelle.Model, Plain, PureFunctions):
        gazelle.utils.set_random_seed(2)
        inputs = gazelle.Input((3,))
        x = gazelle.layers.Dropout(0.5)(gazelle.layers.Dense(4, kernel_regularizer="l2")(inputs))
        x = gazelle.layers.BatchNormalization()(x)
        model = kind(inputs, [gazelle.layers.Dense(1, name="a")(x), gazelle.layers.Dense(1, name="b")(x)])
        optimizer = gazelle.optimizers.Adam(0.01, use_ema=True, clipnorm=1.0)
        model.compile(optimizer, "mse", loss_weights=[1.0, 0.5], metrics={"b": ["mae"]})
        history = model.fit(X, [Y, 2 * Y], batch_size=6, epochs=2, verbose=0, keep=False)
        seen.append((history.history, model.get_weights(), model.evaluate(X, [Y, Y], verbose=0, return_dict=True)))
        assert [metric.name for metric in model.metrics] == ["loss", "compile_metrics", "a_loss", "b_loss"]
        result = {name: float(value) for name, value in model.get_metrics_result().items()}
        assert result == pytest.approx(seen[-1][2], rel=1e-6)
    assert set(seen[0][0]) == {"loss", "a_loss", "b_loss", "b_mae"}
    built_in, plain = ([dict(parts[0]), *parts[1:]] for parts in seen[:2])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), built_in, plain)
    assert set(seen[2][0]) == set(seen[0][0])  # the pure form draws from a seed that is part of its state


def test_a_metric_that_a_layer_counts():
    """An endpoint: its loss is minimized, its metric is in the logs and begins anew with each epoch."""

    class Endpoint(gazelle.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.size = gazelle.metrics.Mean(name="size")

        def call(self, x):
            self.size.update_state(x)
            self.add_loss(gazelle.ops.mean(x * x))
            return x

    model = gazelle.Sequential([gazelle.Input((3,)), Endpoint()])
    model.compile("sgd")
    history = model.fit(X, batch_size=6, epochs=2, verbose=0, keep=False).history
    np.testing.assert_allclose(history["size"], [X.mean()] * 2, rtol=1e-5)
    np.testing.assert_allclose(history["loss"], [(X * X).mean()] * 2, rtol=1e-5)
    assert model.evaluate(X, verbose=0) == pytest.approx([(X * X).mean(), X.mean()], rel=1e-5)
    assert float(model.layers[-1].size.result()) == pytest.approx(float(X.mean()), rel=1e-5)


def test_what_layers_add_counts_once_for_each_call():
    def step(self, data):
        self(data[0], training=True)
        y_pred = self(data[0], training=True)
        return {"loss": self.compute_loss(y=data[1], y_pred=y_pred)}

    class Added(gazelle.layers.Layer):
        def call(self, x):
            self.add_loss(gazelle.ops.mean(x * x))
            return x

    inputs = gazelle.Input((3,))
    model = type("Twice", (gazelle.Model,), {"train_step": step})(inputs, Added()(inputs))
    model.compile("sgd", "mse")
    history = model.fit(X, X, batch_size=24, verbose=0, keep=False).history
    assert history["loss"] == pytest.approx([(X * X).mean()], rel=1e-5)


def line(step, **kwargs):
    """y = w x with w = 0 at first, trained by `step`."""
    kind = type("Line", (gazelle.Model,), {"train_step": step})
    inputs = gazelle.Input((3,))
    model = kind(inputs, gazelle.layers.Dense(1, kernel_initializer="zeros", use_bias=False)(inputs))
    model.compile(gazelle.optimizers.SGD(0.1), "mse", **kwargs)
    return model


def test_eager_steps_see_values():
    seen = []

    def step(self, data):
        seen.append(float(data[1][0, 0]))
        return gazelle.Model.train_step(self, data)

    eager, plain = line(step, run_eagerly=True), line(gazelle.Model.train_step)
    for model in (eager, plain):
        model.fit(X, Y, batch_size=6, shuffle=False, epochs=1, verbose=0, keep=False)
    assert seen[1:] == [float(v) for v in Y[::6, 0]]
    np.testing.assert_allclose(eager.get_weights()[0], plain.get_weights()[0], rtol=1e-6)


def test_a_loss_that_is_no_number_leaves_the_weights():
    broken = Y.copy()
    broken[13] = 1e38
    model = line(lambda self, data: gazelle.Model.train_step(self, data))
    with pytest.warns(RuntimeWarning, match="became inf in step 3 of epoch 1"):
        model.fit(X, broken, batch_size=6, shuffle=False, verbose=0, keep=False)
    expected = line(gazelle.Model.train_step)
    expected.fit(X[:12], Y[:12], batch_size=6, shuffle=False, verbose=0, keep=False)
    np.testing.assert_allclose(model.get_weights()[0], expected.get_weights()[0], rtol=1e-6)


def test_a_rate_that_a_callback_assigns_counts_in_the_same_program():
    traced = []

    def step(self, data):
        traced.append(1)
        return gazelle.Model.train_step(self, data)

    model = line(step)
    stop = gazelle.callbacks.LearningRateScheduler(lambda epoch, rate: 0.0 if epoch else 0.1)
    weights = []
    keep = gazelle.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(model.get_weights()[0]))
    model.fit(X, Y, batch_size=6, epochs=3, verbose=0, keep=False, callbacks=[stop, keep])
    assert np.abs(weights[0]).max() > 0
    np.testing.assert_array_equal(weights[0], weights[2])
    assert len(traced) == 2  # once to see what the step touches, once to compile it


def test_single_batches():
    model = line(lambda self, data: gazelle.Model.train_step(self, data), metrics=["mae"])
    model.test_on_batch(X[:6], Y[:6])
    model.reset_metrics()
    first = model.test_on_batch(X[:6], Y[:6], return_dict=True)
    second = model.test_on_batch(X[6:12], Y[6:12], return_dict=True)
    assert first["mae"] == pytest.approx(np.abs(Y[:6]).mean(), rel=1e-5)
    assert second["mae"] == pytest.approx(np.abs(Y[6:12]).mean(), rel=1e-5)  # of this batch
    model.reset_metrics()
    assert model.train_on_batch(X[:6], Y[:6])[1] == pytest.approx(np.abs(Y[:6]).mean(), rel=1e-5)


def test_a_state_that_came_back_short():
    model = line(lambda self, state, data: ({"loss": 0.0}, (state[0][1:], *state[1:])))
    with pytest.raises(
        ArgumentError, match=r"Line.train_step returned: expected 1 value of trainable_variables, got 0"
    ):
        model.fit(X, Y, verbose=0)


def test_variables_stored_elsewhere_are_read_and_assigned():
    class Box:
        mean, factor = gazelle.metrics.Mean(name="hidden"), gazelle.Variable(1.0)

    def step(self, data):
        Box.mean.update_state(data[1] * Box.factor)
        return {"loss": Box.mean.result()}

    model = line(step)
    first = model.fit(X, Y, verbose=0, keep=False).history["loss"]
    Box.factor.assign(3.0)  # not a constant of the program
    second = model.fit(X, Y, verbose=0, keep=False).history["loss"]  # the model does not reset it
    np.testing.assert_allclose([first[0], second[0]], [Y.mean(), 2 * Y.mean()], rtol=1e-5)


def test_what_was_compiled_may_be_replaced():
    model = line(gazelle.Model.train_step)
    assert (model.loss, model.run_eagerly) == ("mse", False)
    model.fit(X, Y, epochs=1, verbose=0, keep=False)
    model.loss = "mae"
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(np.abs(Y - model.predict(X, verbose=0)).mean(), rel=1e-5)
    model.optimizer = gazelle.optimizers.SGD(0.0)
    before = model.get_weights()[0]
    model.fit(X, Y, epochs=1, verbose=0, keep=False)
    np.testing.assert_array_equal(model.get_weights()[0], before)
    assert int(model.optimizer.iterations.value) == 1
    assert gazelle.Sequential([gazelle.layers.Dense(1)]).loss is None


@pytest.mark.parametrize("name", ["make_train_function", "make_test_function"])
def test_a_loop_of_ones_own_is_refused(name):
    kind = type("Mine", (gazelle.Model,), {name: lambda self: None})
    inputs = gazelle.Input((2,))
    with pytest.raises(StateError, match=f"Mine.{name} is not called by gazelle: expected train_step"):
        kind(inputs, gazelle.layers.Dense(1)(inputs)).compile("sgd", "mse")


class Kept(gazelle.Model):
    """A model of a graph with a step of its own; the constructor hands all on."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.worst = gazelle.metrics.Mean(name="worst")

    def train_step(self, data):
        self.worst.update_state(gazelle.ops.max(gazelle.ops.abs(data[1])))
        return super().train_step(data)


def test_files_and_the_kept_state(tmp_path):
    def make():
        inputs = gazelle.Input((3,))
        model = Kept(inputs, gazelle.layers.Dense(1)(gazelle.layers.Dense(4)(inputs)))
        model.compile("adam", "mse")
        return model

    model, other = make(), make()
    model.fit(X, Y, verbose=0)
    assert len(other.load_weights("latest")) == 4
    for mine, theirs in zip(other.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    bare = make()
    bare.compile("sgd", "mse")
    with pytest.warns(UserWarning, match=r"are loaded, but not the state of its optimizer.*no variable for"):
        bare.load_weights("latest")
    model.save(tmp_path / "kept.keras")
    read = gazelle.models.load_model(tmp_path / "kept.keras", custom_objects={"Kept": Kept})
    assert type(read) is Kept
    for again in (other, read):
        np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    histories = [m.fit(X, Y, verbose=0, shuffle=False, keep=False).history for m in (model, read)]
    assert set(histories[0]) == {"loss", "worst"}
    for name, values in histories[0].items():  # Adam's memory was in the file
        np.testing.assert_allclose(histories[1][name], values, rtol=1e-6)
    np.testing.assert_allclose(read.get_weights()[0], model.get_weights()[0], rtol=1e-5)


def test_a_loss_that_is_only_returned_is_shown():
    class Returning(gazelle.Model):
        def train_step(self, state, data):
            return {"loss": jax.numpy.float32(7)}, state

    inputs = gazelle.Input((3,))
    model = Returning(inputs, gazelle.layers.Dense(1)(inputs))
    model.compile("sgd", "mse")
    assert model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0, keep=False).history == {"loss": [7.0]}


SEEDS = gazelle.random.SeedGenerator(1)


class Noise(gazelle.layers.Layer):
    def call(self, x):
        return x + gazelle.random.normal(gazelle.ops.shape(x), seed=SEEDS)


def test_a_generator_of_seeds_beside_the_layers():
    model = gazelle.Sequential([gazelle.Input((3,)), Noise(), gazelle.layers.Dense(1)])
    model.compile("sgd", "mse")
    first = model.predict(np.ones((4, 3)), verbose=0)
    assert np.ptp(first) > 0
    before = int(np.asarray(SEEDS.state)[1])
    model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
    assert int(np.asarray(SEEDS.state)[1]) > before


class Shifted(gazelle.Model):
    def __init__(self):
        super().__init__()
        self.dense = gazelle.layers.Dense(1, kernel_initializer="ones")

    def call(self, x):
        return self.dense(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(x, y, y_pred, sample_weight) + 0.5


def _distance(y_true, y_pred):
    return gazelle.ops.mean(gazelle.ops.abs(y_true - y_pred), -1)


@pytest.mark.parametrize(("loss", "metric"), [("mae", _distance), (_distance, "mae")])
def test_a_model_with_a_step_of_its_own_is_evaluated_with_functions_of_the_user(loss, metric):
    model, x = Shifted(), np.ones((4, 2), "float32")
    model.compile("sgd", loss, metrics=[metric])
    assert model.evaluate(x, x[:, :1], verbose=0) == model.test_on_batch(x, x[:, :1]) == [1.5, 1.0]


def test_variables_among_the_logs_have_their_last_values():
    class Counter(gazelle.Model):
        def __init__(self):
            super().__init__()
            self.count = gazelle.Variable(0.0, trainable=False)

        def train_step(self, data):
            self.count.assign_add(1.0)
            return {"n": self.count}

    model = Counter()
    model.compile()
    assert model.fit(X, Y, batch_size=8, epochs=2, verbose=0).history["n"] == [3, 6]


class Weighted(gazelle.Model):
    """Has a weight of its own, which `build` makes."""

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 3), initializer="ones", name="kernel")

    def call(self, x):
        return x @ self.kernel


class WeightedWithStep(Weighted):
    def train_step(self, data):
        return super().train_step(data)


class WeightedWithMetric(Weighted):
    def __init__(self):
        super().__init__()
        self.measured = gazelle.metrics.MeanSquaredError(name="measured")


class WeightedByLayers(WeightedWithStep):
    def build(self, input_shape):
        self.dense = gazelle.layers.Dense(3, use_bias=False, kernel_initializer="ones")
        super().build(input_shape)


@pytest.mark.parametrize("model_class", [WeightedWithStep, WeightedWithMetric, WeightedByLayers])
@pytest.mark.parametrize(
    "method", ["fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch"]
)
def test_the_build_of_a_model_with_a_custom_step_or_metric_is_called(model_class, method):
    model, x, y = model_class(), np.ones((8, 2), "float32"), np.ones((8, 3), "float32")
    model.compile("sgd", "mse")
    options = {} if method.endswith("on_batch") else {"verbose": 0}
    out = getattr(model, method)(x, *([] if "predict" in method else [y]), **options)
    assert model.kernel.shape == (2, 3)
    if "predict" in method:
        np.testing.assert_array_equal(out, np.full((8, 3), 2))
    if method == "evaluate":
        np.testing.assert_array_equal(np.ravel(out)[0], 1)
