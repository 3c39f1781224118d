"""'accuracy' and other general names select the same metrics as in Keras, and remain the names in the logs."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras.src.trainers.compile_utils import get_metric

import gazelle
from gazelle import losses, metrics
from gazelle.core.errors import ArgumentError, DataError, ShapeError, StateError
from gazelle.core.names import clear_session
from gazelle.losses.label_values import check_labels
from gazelle.metrics.choose import choose

SHAPES = [
    ((8,), (8, 1)),
    ((8, 1), (8, 1)),
    ((8,), (8, 3)),
    ((8, 1), (8, 3)),
    ((8, 3), (8, 3)),
    ((8, 5), (8, 5, 3)),
    ((8, 5, 1), (8, 5, 3)),
    ((8, 5, 3), (8, 5, 3)),
    ((8, 5), (8, 5, 1)),
    ((8, 2), (8, 1)),
]


@pytest.mark.parametrize("word", ["accuracy", "acc", "Accuracy", "ACC"])
@pytest.mark.parametrize(("true", "pred"), SHAPES, ids=str)
def test_accuracy_as_keras_chooses(word, true, pred):
    ours = choose(word, true, pred)
    theirs = get_metric(word, keras.KerasTensor(true), keras.KerasTensor(pred))
    assert type(ours).__name__ == type(theirs).__name__
    assert ours.name == theirs.name == word


@pytest.mark.parametrize("batch", [None, 8])
@pytest.mark.parametrize(
    ("word", "kind"), [("crossentropy", "{}Crossentropy"), ("ce", "{}Crossentropy"), ("acc", "{}Accuracy")]
)
def test_kinds_also_for_unknown_batches(word, kind, batch):
    assert type(choose(word, (batch,), (batch, 1))).__name__ == kind.format("Binary")
    assert type(choose(word, (batch,), (batch, 3))).__name__ == kind.format("SparseCategorical")
    assert type(choose(word, (batch, 3), (batch, 3))).__name__ == kind.format("Categorical")
    assert choose(word, (batch, 3), (batch, 3)).name == word


def mean_error(y_true, y_pred):
    return jnp.mean(y_pred - y_true, axis=-1)


@pytest.mark.parametrize(
    "word",
    [
        "mse",
        "MSE",
        "mae",
        "mean_squared_error",
        "AUC",
        "auc",
        "binary_accuracy",
        "Hinge",
        "top_k_categorical_accuracy",
        "sparse_categorical_accuracy",
    ],
)
def test_names_stay_as_written(word):
    theirs = get_metric(word, keras.KerasTensor((8, 1)), keras.KerasTensor((8, 1)))
    ours = choose(word, (8, 1), (8, 1))
    assert ours.name == theirs.name == word
    assert type(ours).__name__ == type(theirs).__name__


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (mean_error, "mean_error"),
        (losses.mean_squared_error, "mean_squared_error"),
        (losses.Huber(), "huber_loss"),
        (metrics.BinaryAccuracy(name="right"), "right"),
        (metrics.BinaryAccuracy, "binary_accuracy"),
        ("huber", "huber"),
        ("categorical_focal_crossentropy", "categorical_focal_crossentropy"),
    ],
    ids=lambda v: getattr(v, "__name__", None) or getattr(v, "name", None) or str(v),
)
def test_functions_losses_and_objects(given, name):
    metric = choose(given, (8, 2), (8, 2))
    assert isinstance(metric, metrics.Metric)
    assert metric.name == name
    metric.update_state(np.array([[0.0, 1.0]]), np.array([[0.2, 0.9]]))
    assert np.isfinite(metric.result())


def test_an_object_stays_the_same_object():
    one = metrics.Precision()
    assert choose(one, (8, 1), (8, 1)) is one


@pytest.mark.parametrize(
    "metric", [metrics.F1Score(), metrics.R2Score(), metrics.AUC(multi_label=True)], ids=lambda m: m.name
)
def test_choosing_makes_the_sums_that_need_a_shape(metric):
    choose(metric, (None, 3), (None, 3))
    assert any(3 in v.shape for v in metric.variables)
    count = len(metric.variables)
    metric.update_state(np.eye(3), np.eye(3))
    assert len(metric.variables) == count


def test_errors():
    with pytest.raises(ArgumentError, match=r"Unknown metric 'acuracy'\.\nDid you mean 'accuracy'"):
        choose("acuracy", (8, 1), (8, 1))
    with pytest.raises(ArgumentError, match="metrics: expected a name, a function or a Metric, got None"):
        choose(None, (8, 1), (8, 1))
    with pytest.raises(ShapeError, match=r"expected y_pred of shape \(batch, classes\), got shape \(8, 5, 3\)"):
        choose("f1_score", (8, 5, 3), (8, 5, 3))
    with pytest.raises(ArgumentError, match=r"Precision\(thresholds\): expected numbers from 0 to 1, got 2"):
        metrics.Precision(thresholds=2)
    with pytest.raises(ArgumentError, match="Unknown curve of AUC 'RCO'"):
        metrics.AUC(curve="RCO")
    with pytest.raises(ArgumentError, match=r"RecallAtPrecision\(precision\): expected from 0 to 1, got 3"):
        metrics.RecallAtPrecision(3)
    with pytest.raises(
        ArgumentError, match=r"F1Score\(average\): expected None, 'micro', 'macro' or 'weighted', got 'all'"
    ):
        metrics.F1Score(average="all")
    with pytest.raises(ArgumentError, match=r"IoU\(target_class_ids\): expected numbers below 2, got \[2\]"):
        metrics.IoU(2, [2])
    with pytest.raises(ArgumentError, match="num_regressors of R2Score: expected an integer of at least 0, got -1"):
        metrics.R2Score(num_regressors=-1)
    with pytest.raises(ArgumentError, match="Metric 'mean': expected 2 values \\(total, count\\), got 1"):
        metrics.Mean().stateless_result([0.0])


def test_a_metric_without_super_init_is_told():
    class Mine(metrics.Metric):
        def __init__(self):
            self.total = self.add_weight(name="total")

    with pytest.raises(StateError, match=r"Start Mine\.__init__ with super"):
        Mine()


class Spread(metrics.Metric):
    """A user's metric: nested metrics, the old order of add_weight, a variable that does not start at 0."""

    def __init__(self, name="spread", **kwargs):
        super().__init__(name=name, **kwargs)
        self.low = self.add_weight("low", initializer="ones")
        self.low_too = self.add_weight(name="low", shape=(2,))
        self.means = [metrics.Mean(name="a"), metrics.Mean(name="a")]

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.low.assign(jnp.minimum(self.low, jnp.min(y_pred)))
        for mean in self.means:
            mean.update_state(y_pred)

    def result(self):
        return {"low": self.low.value, "mean": self.means[0].result()}


def test_a_metric_of_the_user():
    metric = Spread()
    assert list(metric.named_variables()) == ["low", "low_1", "a/total", "a/count", "a/total_1", "a/count_1"]
    values = metric.stateless_update_state([v.value for v in metric.variables], np.zeros(3), np.array([0.5, 1.0, 3.0]))
    assert metric.stateless_result(values) == {"low": 0.5, "mean": 1.5}
    assert float(metric.low) == 1.0
    metric.update_state(np.zeros(3), np.array([0.5, 1.0, 3.0]))
    assert float(metric.means[1].result()) == 1.5
    metric.reset_state()
    assert not any(np.any(v.numpy()) for v in metric.variables)


def test_automatic_names_count_as_in_keras():
    clear_session()
    assert [metrics.Recall().name, metrics.Recall().name, metrics.AUC().name] == ["recall", "recall_1", "auc"]


def test_scalar_results_of_a_function_count_by_batch():
    metric = choose(lambda y_true, y_pred: jnp.mean(y_pred), (None, 1), (None, 1))
    metric.update_state(np.zeros((3, 1)), np.ones((3, 1)))
    metric.update_state(np.zeros((1, 1)), np.full((1, 1), 2.0))
    assert float(metric.result()) == 1.5
    metric.reset_state()
    metric.update_state(np.zeros((2, 1)), np.full((2, 1), 2.0), sample_weight=np.array([0.25, 0.5]))
    assert float(metric.result()) == 2.0


def test_fractions_of_weights_in_a_whole_number_metric_are_told():
    with pytest.warns(UserWarning, match="IoU counts in int32: fractions of weights are dropped"):
        metrics.IoU(2, [0]).update_state([0, 1], [0, 1], sample_weight=np.array([0.5, 0.5]))


def test_iou_of_scores_says_how():
    with pytest.raises(ShapeError, match="sparse_y_pred=False"):
        metrics.MeanIoU(3).update_state(np.zeros((4,), int), np.zeros((4, 3)))


def test_bad_labels_are_data_errors():
    assert issubclass(DataError, ValueError)
    with pytest.raises(ValueError, match="got 3 in row 0"):
        check_labels(losses.get("sparse_categorical_crossentropy"), np.array([3]), 3)


def test_reset_of_a_metric_is_called_at_the_start_of_an_epoch():
    class Kept(metrics.MeanSquaredError):
        def reset_state(self):
            """Count on over all epochs."""

    model = gazelle.Sequential([gazelle.Input((1,)), gazelle.layers.Dense(1, kernel_initializer="ones")])
    model.compile(gazelle.optimizers.SGD(0.0), "mse", metrics=[Kept(name="kept"), "mse"])
    x, y = np.arange(8.0)[:, None], np.zeros((8, 1))
    logs = model.fit(x, y, batch_size=2, epochs=2, steps_per_epoch=2, shuffle=False, verbose=0).history
    assert logs["mse"] == pytest.approx([np.mean(x[:4] ** 2), np.mean(x[4:] ** 2)])
    assert logs["kept"] == pytest.approx([np.mean(x[:4] ** 2), np.mean(x**2)])


def test_sums_that_update_state_creates():
    class PerClass(metrics.Metric):
        """One sum for each class: how many there are is known from the first batch."""

        def update_state(self, y_true, y_pred, sample_weight=None):
            if not self.variables:
                self.total = self.add_weight(shape=(y_pred.shape[-1],), name="total")
            self.total.assign_add(jnp.sum(jax.nn.one_hot(y_true[:, 0], y_pred.shape[-1]), axis=0))

        def result(self):
            return jnp.max(self.total.value)

    model = gazelle.Sequential([gazelle.Input((1,)), gazelle.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=[PerClass(name="most")])
    y = np.array([0, 2, 1, 2, 2, 1, 2, 2])[:, None]
    logs = model.fit(np.ones((8, 1)), y, batch_size=2, epochs=2, verbose=0).history
    assert logs["most"] == [5.0, 5.0]


def test_draws_of_a_metric_advance():
    class Noise(metrics.Metric):
        def __init__(self, name="noise", **kwargs):
            super().__init__(name=name, **kwargs)
            self.seeds = gazelle.random.SeedGenerator(3)
            self.last = self.add_weight(name="last")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.last.assign(gazelle.random.uniform((), seed=self.seeds))

        def result(self):
            return self.last

    model = gazelle.Sequential([gazelle.Input((1,)), gazelle.layers.Dense(1)])
    noise = Noise()
    model.compile("sgd", "mse", metrics=[noise])
    found = model.fit(np.ones((4, 1)), np.ones((4, 1)), batch_size=2, epochs=2, verbose=0).history["noise"]
    seeds = gazelle.random.SeedGenerator(3)
    draws = [float(gazelle.random.uniform((), seed=seeds)) for _ in range(4)]
    assert found == pytest.approx([draws[1], draws[3]])
    values = noise.stateless_update_state([jnp.zeros(())], np.ones(1), np.ones(1))
    assert len(values) == 1
    noise.reset_state()
    assert noise.seeds.state.numpy().tolist() == [3, 4]


def test_the_metrics_of_another_compile():
    model = gazelle.Sequential([gazelle.Input((1,)), gazelle.layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse", metrics=["mae"])
    given = [metric for metric in model.metrics if metric.name != "loss"]
    model.compile("sgd", "mse", metrics=given)
    history = model.fit(np.ones((4, 1)), np.zeros((4, 1)), verbose=0).history
    assert history["mae"] == [1.0]


@pytest.mark.parametrize("kind", ["Mean", "Sum", "MeanSquaredError"])
@pytest.mark.parametrize("weight", [None, 2.0, [1.0, 0.5, 2.0], [[1.0], [0.5], [2.0]]], ids=str)
def test_weights_over_batches_of_different_sizes(kind, weight):
    results = []
    for package in (metrics, keras.metrics):
        metric = getattr(package, kind)()
        for rows in (3, 5, 1):
            values = np.arange(2.0 * rows, dtype="float32").reshape(rows, 2)
            given = np.resize(weight, (rows, *np.shape(weight)[1:])) if np.ndim(weight) else weight
            metric.update_state(values, *([0 * values] if kind == "MeanSquaredError" else []), sample_weight=given)
        results.append(float(metric.result()))
    assert results[0] == pytest.approx(results[1], rel=1e-5)


class Distance(gazelle.metrics.Metric):
    """A metric that compares what a network of its own makes of labels and outputs."""

    def __init__(self):
        super().__init__(name="distance")
        self.mean = gazelle.metrics.Mean()
        self.network = gazelle.Sequential([gazelle.Input((1,)), gazelle.layers.Dense(2)])

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.mean.update_state(gazelle.ops.abs(self.network(y_true) - self.network(y_pred)))

    def result(self):
        return self.mean.result()

    def reset_state(self):
        self.mean.reset_state()


def test_metrics_may_have_layers():
    metric, x, y = Distance(), np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    model = gazelle.Sequential([gazelle.Input((3,)), gazelle.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[metric])
    want = np.abs(metric.network(y) - metric.network(model(x))).mean()
    assert model.evaluate(x, y, verbose=0, return_dict=True)["distance"] == pytest.approx(want, rel=1e-5)
    metric.network.set_weights([w * 0 for w in metric.network.get_weights()])  # not a constant of the program
    assert model.evaluate(x, y, verbose=0, return_dict=True)["distance"] == 0
    assert model.fit(x, y, epochs=2, verbose=0, keep=False).history["distance"] == [0, 0]
    assert len(metric.variables) == 2
