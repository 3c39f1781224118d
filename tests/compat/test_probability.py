"""`tensorflow_probability`: the numbers that `golden/probability_values.py` recorded, and how programs use it."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gazelle.compat import probability, tensorflow  # noqa: F401 - functions of this module receive tensors
from gazelle.core.errors import ArgumentError
from tests.compat.golden import probability_values as golden

GOLDEN = np.load(Path(__file__).parent / "golden" / "probability.npz")
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow_probability") is None, reason="it is not installed"
)
X = golden.X


@pytest.fixture
def tfp(tf_keras_2):
    return probability.module("tensorflow_probability")


@pytest.mark.parametrize("kind", golden.KINDS)
def test_numbers(tf, tfp, kind):
    wanted = {key.partition("/")[2]: GOLDEN[key] for key in GOLDEN if key.startswith(f"{kind}/")}
    found = golden.results(tf, tfp, kind)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        if value.dtype.kind == "U":
            assert [v.split(":")[0] for v in found[name]] == [v.split(":")[0] for v in value]
        else:
            np.testing.assert_allclose(found[name], value, rtol=2e-4, atol=2e-5, err_msg=name)


def test_samples_follow_from_the_seed_of_the_process(tf, tfp):
    normal = tfp.distributions.Normal(tf.zeros(3), 1.0)
    tf.random.set_seed(1)
    first, second = normal.sample(2).numpy(), normal.sample(2).numpy()
    tf.random.set_seed(1)
    assert (normal.sample(2).numpy() == first).all()
    assert (first != second).all()
    draw = tf.function(lambda: normal.sample())
    assert (draw().numpy() != draw().numpy()).all()
    assert (normal.sample(seed=(1, 2)).numpy() == normal.sample(seed=(1, 2)).numpy()).all()
    with tf.GradientTape() as tape:
        variable = tf.Variable(1.0)
        drawn = tfp.distributions.Normal(0.0, variable).sample()
    np.testing.assert_allclose(tape.gradient(drawn, variable), drawn, rtol=1e-5)  # the gradient is that of this draw


def test_attributes_are_those_of_tensorflow(tf, tfp):
    tfd, variable = tfp.distributions, tf.Variable([1.0, 2.0])
    made = tfd.Independent(tfd.Normal(variable, scale=2.0), 1)
    assert isinstance(made, tfd.Distribution)
    assert not isinstance(made, tfd.Normal)
    assert made.distribution.loc is variable
    assert list(made.trainable_variables) == [variable]
    assert made.event_shape.as_list() == [2]
    assert made.batch_shape == []
    assert made.dtype == tf.float32
    assert tfd.Bernoulli(0.5).dtype == tf.int32
    assert made.copy(reinterpreted_batch_ndims=0).log_prob(variable).shape == [2]
    exp = tfp.bijectors.Exp()
    assert isinstance(exp(made), tfd.TransformedDistribution)
    assert isinstance(exp(exp), tfp.bijectors.Chain)
    assert isinstance(tfp.bijectors.Tanh()(tfd.Normal(0.0, 1.0)).bijector, tfp.bijectors.Tanh)


def test_functions_of_a_program_receive_tensors(tf, tfp):
    tfd = tfp.distributions

    def log_prob(x):
        assert isinstance(x, tf.Tensor)
        return -tf.reduce_sum(x**2)

    kernel = tfp.mcmc.HamiltonianMonteCarlo(log_prob, step_size=0.1, num_leapfrog_steps=2)
    states, accepted = tfp.mcmc.sample_chain(
        3, tf.zeros(2), kernel=kernel, trace_fn=lambda _, results: results.is_accepted
    )
    assert states.shape == [3, 2]
    assert accepted.dtype == tf.bool

    @tfd.JointDistributionCoroutineAutoBatched
    def model():
        mean = yield tfd.Normal(0.0, 1.0, name="mean")
        yield tfd.Normal(mean * tf.ones(3), 1.0, name="x")

    drawn = model.sample(2)
    assert drawn.x.shape == [2, 3]
    assert model.log_prob(drawn).shape == [2]


def test_a_subclass_of_the_program(tf, tfp):
    class Shifted(tfp.bijectors.Bijector):
        def __init__(self, by):
            self.by = by
            super().__init__(forward_min_event_ndims=0)

        def _forward(self, x):
            return tf.exp(x) + self.by

        def _inverse(self, y):
            return tf.math.log(y - self.by)

        def _inverse_log_det_jacobian(self, y):
            return -tf.math.log(y - self.by)

    by = tf.Variable(0.5)
    with tf.GradientTape() as tape:
        made = tfp.distributions.TransformedDistribution(tfp.distributions.Normal(0.0, 1.0), Shifted(by))
        found = made.log_prob(2.5)
    np.testing.assert_allclose(found, tfp.distributions.LogNormal(0.0, 1.0).log_prob(2.0), rtol=1e-5)
    assert list(made.trainable_variables) == [by]
    assert tape.gradient(found, by).numpy() > 0


@pytest.fixture
def encoder(tf, tfp):
    inputs = tf.keras.Input((5,))
    return tf.keras.Model(inputs, tfp.layers.IndependentNormal(2)(tf.keras.layers.Dense(4)(inputs)))


def test_an_output_is_a_distribution_and_a_tensor(tf, tfp, encoder):
    made = encoder(X)
    assert isinstance(made, tfp.distributions.Independent)
    assert isinstance(made, tf.Tensor)
    assert made.mean().shape == made.shape == [8, 2]
    assert made.log_prob(made).shape == [8]
    assert (tf.convert_to_tensor(made).numpy() == (made + 0.0).numpy()).all()
    assert type(encoder.predict(X, verbose=0)) is np.ndarray


def test_symbolic_outputs_are_distributions(tf, tfp, encoder):
    tfd = tfp.distributions
    made = encoder(encoder.input)
    assert isinstance(made, tfd.Independent)
    assert made.event_shape == [2]
    assert made.batch_shape == [None]
    prior = tfd.Independent(tfd.Normal(tf.zeros(2), 1.0), 1)
    model = tf.keras.Model(encoder.input, [made.mean(), made.stddev(), tfd.kl_divergence(made, prior)])
    mean, deviation, divergence = model.predict(X, verbose=0)
    np.testing.assert_allclose(mean, encoder(X).mean(), rtol=1e-5)
    wanted = (deviation**2 + mean**2 - 1) / 2 - np.log(deviation)
    np.testing.assert_allclose(divergence, wanted.sum(-1), rtol=1e-4)
    normal = tfd.Normal(encoder.input, 1.0)
    assert normal.sample().shape == [None, 5]
    assert normal.log_prob(0.0).shape == [None, 5]


def test_an_output_in_steps_and_tapes(tf, tfp, encoder):
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(encoder(X).log_prob(tf.zeros(2)))
    eager = tape.gradient(loss, encoder.trainable_variables)

    @tf.function
    def gradient():
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(encoder(X).log_prob(tf.zeros(2)))
        return tape.gradient(loss, encoder.trainable_variables)

    for one, other in zip(eager, gradient(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    function = lambda y, made: -made.log_prob(y)  # noqa: E731
    encoder.compile("sgd", function, metrics=[function])
    logs = encoder.fit(X, golden.Y, verbose=0).history
    assert len(logs) == 2
    assert len({*map(tuple, logs.values())}) == 1


def test_variables_of_distributions_are_weights(tf, tfp):
    tfd = tfp.distributions

    class Model(tf.keras.Model):
        def __init__(self):
            super().__init__()
            scale = tfp.util.TransformedVariable([1.0], tfp.bijectors.Softplus(), name="scale")
            self.prior = tfd.Normal(tf.Variable([0.5], name="loc"), scale)

        def call(self, x):
            return -self.prior.log_prob(x)

    model = Model()
    model.compile("sgd", lambda y, found: found)
    before = [v.numpy() for v in model.trainable_variables]
    model.fit(X[:, :1], X[:, :1], verbose=0)
    assert all((v.numpy() != old).all() for v, old in zip(model.trainable_variables, before, strict=True))
    assert len(before) == 2
    module = tf.Module()
    module.prior = model.prior
    assert len(module.trainable_variables) == 2


def test_optimizers_call_a_function_that_assigns_variables(tf, tfp):
    weight, count = tf.Variable(tf.zeros(5)), tf.Variable(0)

    def function(position):
        weight.assign(position)
        count.assign_add(1)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((weight - [1.0, 2.0, 3.0, 4.0, 5.0]) ** 2)
        return loss, tape.gradient(loss, weight)

    found = tfp.optimizer.lbfgs_minimize(function, tf.zeros(5), max_iterations=10)
    np.testing.assert_allclose(found.position, [1, 2, 3, 4, 5], rtol=1e-5)
    assert (weight.numpy() == found.position.numpy()).all()
    assert int(count) == int(found.num_objective_evaluations)


def test_a_flow_with_an_autoregressive_network(tf, tfp):
    tfd, tfb = tfp.distributions, tfp.bijectors
    network = tfb.AutoregressiveNetwork(params=2, hidden_units=[5, 4], activation="relu")
    flow = tfd.TransformedDistribution(tfd.Sample(tfd.Normal(0.0, 1.0), 3), tfb.MaskedAutoregressiveFlow(network))
    inputs = tf.keras.Input((3,))
    model = tf.keras.Model(inputs, flow.log_prob(inputs))
    assert len(model.trainable_variables) == 6
    assert len(flow.trainable_variables) == 6
    x = np.sin(np.arange(24.0)).reshape(8, 3).astype("float32")
    for number, weight in enumerate(model.trainable_variables):
        values = np.cos(number + np.arange(np.size(weight))).reshape(weight.shape).astype("float32") * 0.5
        weight.assign(values * (weight.numpy() != 0) if values.ndim == 2 else values)
    np.testing.assert_allclose(-np.mean(model.predict(x, verbose=0)), 4.3007746, rtol=1e-5)  # of release 0.23
    np.testing.assert_allclose(-np.mean(flow.log_prob(x)), 4.3007746, rtol=1e-5)
    forward = flow.bijector.forward(x[:2])
    np.testing.assert_allclose(forward, [[0.1418, 1.1594, 0.2703], [0.3699, -0.3267, -0.8705]], atol=1e-4)
    model.compile("sgd", lambda _, log_prob: -log_prob)
    model.fit(x, np.zeros((8, 1)), verbose=0)
    assert [int((w.numpy() != 0).sum()) for w in model.trainable_variables] == [7, 5, 16, 4, 12, 6]


def test_random_weights_differ_between_samples_and_calls(tf, tfp):
    layer = tfp.layers.DenseFlipout(2, kernel_prior_fn=None)
    x = np.ones((2000, 3), "float32")
    layer(x)
    for variable in layer.weights:
        variable.assign(tf.ones_like(variable) * (0.5 if "scale" in variable.name else 0.0))
    drawn = layer(x).numpy()
    local = tfp.layers.DenseLocalReparameterization(2, kernel_prior_fn=None)
    local(x)
    local.set_weights(layer.get_weights())
    scale = np.log1p(np.exp(0.5)) * 3**0.5
    np.testing.assert_allclose(local(x).numpy().std(0), [scale, scale], rtol=0.1)
    assert len(np.unique(drawn.round(4))) > 8
    assert not layer.losses
    assert (layer(x).numpy() != drawn).any()
    assert (tfp.layers.DenseReparameterization(2)(x).numpy().std(0) < 1e-5).all()


def test_errors(tf, tfp):
    with pytest.raises(ArgumentError, match="make_distribution_fn: expected a function that returns a distribution"):
        tfp.layers.DistributionLambda(lambda t: t)(X)
    singular = tfp.layers.default_mean_field_normal_fn(is_singular=True)
    with pytest.raises(ArgumentError, match="kernel_posterior_fn of DenseFlipout"):
        tfp.layers.DenseFlipout(2, kernel_posterior_fn=singular)(X)
    with pytest.raises(AttributeError, match="VariationalGaussianProcess"):
        tfp.layers.VariationalGaussianProcess(2)


def test_imports_of_a_program(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import tensorflow as tf, tensorflow_probability as tfp\n"
        "from tensorflow_probability import distributions as tfd\n"
        "from tensorflow_probability.python.layers import DenseFlipout\n"
        "from tensorflow_probability.substrates import jax as genuine\n"
        "assert tfp.distributions.Normal is tfd.Normal is not genuine.distributions.Normal\n"
        "assert DenseFlipout is tfp.layers.DenseFlipout and issubclass(DenseFlipout, tf.keras.layers.Layer)\n"
        "print(tfd.Normal(0.0, 1.0).log_prob(tf.constant(0.0)).numpy())\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "gazelle", "run", program], capture_output=True, text=True, check=False
    )
    assert done.stdout == "-0.9189385\n", done.stderr


def test_private_names_that_packages_read(tf, tfp):
    static = probability.module("tensorflow_probability.python.internal.prefer_static")
    assert static.rank(tf.zeros((2, 3))) == 2
    assert probability.module("tensorflow_probability.python.internal.tensorshape_util") is None  # the genuine one
    coercible = tfp.python.layers.internal.distribution_tensor_coercible._TensorCoercible
    layer = tfp.layers.DistributionLambda(lambda loc: tfp.distributions.Normal(loc, 1.0))
    assert isinstance(layer(tf.zeros((2, 1))), coercible)
    variable = tfp.util.TransformedVariable(2.0, tfp.bijectors.Softplus())
    assert variable._pretransformed_input is variable.pretransformed_input
    assert variable.bijector is variable.transform_fn
    np.testing.assert_allclose(variable._value().numpy(), 2, rtol=1e-6)
    np.testing.assert_allclose(variable.pretransformed_input.numpy(), np.log(np.expm1(2.0)), rtol=1e-6)


def test_objects_of_pandas_are_arrays(tf, tfp):
    pandas = pytest.importorskip("pandas")
    series = pandas.Series([1.0, 2.0])
    np.testing.assert_allclose(tfp.distributions.Normal(series, 1.0).log_prob(series), [-0.9189385] * 2, rtol=1e-6)
    found = tfp.sts.regularize_series(
        pandas.Series([1.0, 2.0, 3.0], pandas.to_datetime(["2020-01-01", "2020-01-02", "2020-01-04"]))
    )
    assert isinstance(found, pandas.Series)
    assert len(found) == 4
    assert "AsyncGeneratorType" not in dir(tfp.distributions)
    assert all(hasattr(tfp.distributions, name) for name in dir(tfp.distributions))


def test_classes_whose_objects_are_tensors(tf, tfp):
    deferred = probability.module("tensorflow_probability.python.util.deferred_tensor")

    class Pair(tf.Module, metaclass=deferred.TensorMetaClass):
        def __init__(self, mean):
            super().__init__()
            self.mean = mean

        def _value(self, dtype=None, name=None, as_ref=False):
            return self.mean

    pair = Pair(tf.constant([1.0, 2.0]))
    assert (pair + 1).numpy().tolist() == [2, 3]
    assert tf.square(pair).numpy().tolist() == [1, 4]
    assert float(pair[1]) == 2


def test_functions_of_random_layers_in_their_module(tfp):
    assert tfp.layers.util.default_multivariate_normal_fn is tfp.layers.default_multivariate_normal_fn
    with pytest.raises(AttributeError):
        tfp.layers.util.no_such_name  # noqa: B018 - reading it is the test
