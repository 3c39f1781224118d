"""Calls of TensorFlow Probability that are compared: this file records them, the tests run the same lines.

python probability_values.py probability.npz, with TensorFlow Probability 0.23 and TensorFlow 2.15
"""

import sys

import numpy as np

KINDS = ("distributions", "tensors", "random_weights", "outputs", "penalties")
X = np.sin(np.arange(40.0).reshape(8, 5)).astype("float32")
Y = np.cos(np.arange(16.0).reshape(8, 2)).astype("float32")


def weights(model, near_zero=-30.0):
    """Weights that do not depend on a generator; the deviations are 0."""
    for number, variable in enumerate(model.weights):
        values = np.sin(number + np.arange(np.prod(variable.shape), dtype="float32")).reshape(variable.shape) * 0.3
        variable.assign(values + (near_zero if "scale" in variable.name else 0))


def distributions(tf, tfp):
    tfd, tfb = tfp.distributions, tfp.bijectors
    a, b = tf.Variable([0.3, -1.2]), tf.Variable([0.5, 1.7])
    made = {
        "Normal": (lambda: tfd.Normal(a, b), [0.1, 0.7]),
        "Gamma": (lambda: tfd.Gamma(b, 1 / b), [0.1, 0.7]),
        "Bernoulli": (lambda: tfd.Bernoulli(logits=a), [0, 1]),
        "Categorical": (lambda: tfd.Categorical(logits=tf.stack([a, b])), [0, 1]),
        "MultivariateNormalTriL": (lambda: tfd.MultivariateNormalTriL(a, tf.linalg.diag(b)), [0.4, 0.6]),
        "TransformedDistribution": (lambda: tfd.TransformedDistribution(tfd.Normal(a, b), tfb.Tanh()), [0.4, 0.6]),
        "MixtureSameFamily": (lambda: tfd.MixtureSameFamily(tfd.Categorical(logits=a), tfd.Normal(a, b)), 0.3),
        "JointDistributionSequential": (
            lambda: tfd.JointDistributionSequential([tfd.Normal(a[0], 1.0), lambda x: tfd.Normal(x, b[0])]),
            [0.4, 0.6],
        ),
    }
    out = {}
    for name, (make, x) in made.items():
        with tf.GradientTape() as tape:
            value = make().log_prob(x)
        out[name], out[f"{name}/a"], out[f"{name}/b"] = (
            value,
            *tape.gradient(value, [a, b], unconnected_gradients="zero"),
        )
    for name in ("Normal", "Gamma", "MultivariateNormalTriL"):
        each = made[name][0]()
        out[f"{name}/moments"] = tf.stack([each.mean(), each.stddev()])
        out[f"{name}/entropy"] = each.entropy()
    out["kl"] = tfd.kl_divergence(tfd.Normal(a, b), tfd.Normal(0.0, 1.0))
    out["cross entropy"] = tfd.Normal(a, b).cross_entropy(tfd.Normal(0.0, 1.0))
    chain = tfb.Chain([tfb.Exp(), tfb.Shift(a[0]), tfb.Scale(b[0])])
    out["chain"], out["jacobian"] = chain.forward(X[0]), chain.forward_log_det_jacobian(X[0], 1)
    return out


def tensors(tf, tfp):
    positive = tfp.util.TransformedVariable([2.0, 0.5], tfp.bijectors.Softplus())
    with tf.GradientTape() as tape:
        value = tfp.distributions.Normal(0.0, positive).log_prob(1.0) + positive**2
    gradient = tape.gradient(value, positive.trainable_variables)[0]

    def function(x):
        return tfp.math.value_and_gradient(lambda x: tf.reduce_sum((x - [1.0, 2.0]) ** 2), x)

    return {
        "variable": positive.trainable_variables[0],
        "value": positive + 1.0,
        "log_prob": value,
        "gradient": gradient,
        "minimum": tfp.optimizer.lbfgs_minimize(function, tf.zeros(2)).position,
        "percentile": tfp.stats.percentile(X, 30.0, interpolation="linear"),
        "inverse": tfp.math.softplus_inverse(tf.abs(X)),
    }


def _trained(tf, model, x, y, loss="mse"):
    model.compile(tf.keras.optimizers.SGD(0.01), loss)
    losses = model.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0).history["loss"]
    return np.concatenate([losses, *(np.ravel(w) for w in model.get_weights())])


def random_weights(tf, tfp):
    layers, keras = tfp.layers, tf.keras
    image = np.tile(X[..., None], (1, 1, 1)).reshape(8, 5, 1, 1)
    normal = {"bias_posterior_fn": layers.default_mean_field_normal_fn(), "padding": "same"}
    cases = {
        "DenseFlipout": (layers.DenseFlipout(3, activation="relu"), X),
        "DenseReparameterization": (layers.DenseReparameterization(3), X),
        "DenseLocalReparameterization": (
            layers.DenseLocalReparameterization(3, bias_prior_fn=layers.default_multivariate_normal_fn),
            X,
        ),
        "Convolution2DFlipout": (layers.Convolution2DFlipout(3, (2, 1), **normal), image),
        "Convolution1DReparameterization": (layers.Convolution1DReparameterization(3, 2, strides=2), image[..., 0]),
    }
    out = {}
    for name, (layer, x) in cases.items():
        model = keras.Sequential([layer, keras.layers.Flatten(), keras.layers.Dense(2)])
        model(x)
        weights(model)
        out[f"{name}/output"], out[f"{name}/losses"] = model(x), tf.stack(model.losses)
        out[f"{name}/trained"] = _trained(tf, model, x, Y)
        out[f"{name}/names"] = np.array([v.name.split("/")[-1] for v in model.weights])

    def posterior(kernel_size, bias_size=0, dtype=None):
        size = kernel_size + bias_size

        def make(t):
            normal = tfp.distributions.Normal(t[..., :size], 1e-8 + 0 * t[..., size:])
            return tfp.distributions.Independent(normal, reinterpreted_batch_ndims=1)

        return keras.Sequential([layers.VariableLayer(2 * size, dtype=dtype), layers.DistributionLambda(make)])

    def prior(kernel_size, bias_size=0, dtype=None):
        make = lambda t: tfp.distributions.Independent(tfp.distributions.Normal(t, 1.0), 1)  # noqa: E731
        size = kernel_size + bias_size
        return keras.Sequential([layers.VariableLayer(size, dtype=dtype), layers.DistributionLambda(make)])

    model = keras.Sequential([layers.DenseVariational(2, posterior, prior, kl_weight=0.1, kl_use_exact=True)])
    model(X)
    weights(model)
    out["DenseVariational"] = _trained(tf, model, X, Y)
    return out


def outputs(tf, tfp):
    tfd, layers = tfp.distributions, tfp.layers
    sign, mean = (Y > 0).astype("float32"), tfd.Distribution.mean
    cases = {
        "IndependentNormal": (layers.IndependentNormal, (2,), Y),
        "IndependentLogistic": (layers.IndependentLogistic, ([2],), Y),
        "IndependentPoisson": (layers.IndependentPoisson, (2,), sign),
        "IndependentBernoulli": (layers.IndependentBernoulli, (2,), sign),
        "MultivariateNormalTriL": (layers.MultivariateNormalTriL, (2,), Y),
        "MixtureNormal": (layers.MixtureNormal, (3, 2), Y),
        "MixtureLogistic": (layers.MixtureLogistic, (3, [2]), Y),
        "OneHotCategorical": (layers.OneHotCategorical, (2,), np.eye(2, dtype="float32")[sign[:, 0].astype(int)]),
    }
    out = {}
    for name, (kind, arguments, y) in cases.items():
        size = int(kind.params_size(*arguments))
        value = tfd.Distribution.mode if kind is layers.OneHotCategorical else mean
        layer = kind(*arguments, convert_to_tensor_fn=value)
        model = tf.keras.Sequential([tf.keras.layers.Dense(size, input_shape=(5,)), layer])
        weights(model)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(-model(X).log_prob(y))
        out[f"{name}/predict"], out[f"{name}/loss"] = model.predict(X, verbose=0), loss
        out[f"{name}/gradient"] = tape.gradient(loss, model.trainable_weights)[0]
        out[f"{name}/trained"] = _trained(tf, model, X, y, lambda y, made: -made.log_prob(y))
    return out


def penalties(tf, tfp):
    tfd, layers = tfp.distributions, tfp.layers
    prior, mean = tfd.Independent(tfd.Normal(tf.zeros(2), 1.0), 1), tfd.Distribution.mean
    exact = layers.KLDivergenceRegularizer(prior, use_exact_kl=True, weight=0.5)
    cases = {
        "exact": [layers.IndependentNormal(2, mean, activity_regularizer=exact)],
        "at the mean": [layers.IndependentNormal(2, mean), layers.KLDivergenceAddLoss(prior, weight=0.5)],
    }
    out = {}
    for name, inner in cases.items():
        dense = [tf.keras.layers.Dense(4, input_shape=(5,)), tf.keras.layers.Dense(2)]
        model = tf.keras.Sequential([dense[0], *inner, dense[1]])
        weights(model)
        out[name] = _trained(tf, model, X, Y)
    return out


def results(tf, tfp, kind):
    return {name: np.asarray(value) for name, value in globals()[kind](tf, tfp).items()}


if __name__ == "__main__":
    import tensorflow
    import tensorflow_probability

    found = {
        f"{kind}/{name}": value
        for kind in KINDS
        for name, value in results(tensorflow, tensorflow_probability, kind).items()
    }
    np.savez_compressed(sys.argv[1], **found)
