"""`tf.distributions` in graphs of TensorFlow 1; the numbers are those of 1.15."""

import numpy as np
import pytest

M, X = [[1.0, -1.0], [0.5, 0.2]], [[0.3, 0.6], [0.1, 0.9]]


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


VALUES = {
    "Normal": ([[-1.673336, -1.932086], [-1.632086, -1.673336]], [[2.112086, 2.112086], [2.112086, 2.112086]]),
    "Uniform": ([[-1.609438, -1.098612], [-1.504077, -1.435084]], [[1.609438, 1.098612], [1.504077, 1.435084]]),
    "Laplace": ([[-1.736294, -2.186294], [-1.586294, -1.736294]], [[2.386294, 2.386294], [2.386294, 2.386294]]),
    "Gamma": ([[-0.957774, -1.170379], [-1.116291, -0.599594]], [[1.0368, -0.602538], [0.884069, 0.765062]]),
    "Exponential": ([[0.166291, -0.993147], [0.493147, -0.999372]], [[0.083709, 1.693147], [0.306853, 0.469372]]),
    "Beta": ([[0.006419, -0.94856], [-0.616186, -0.852457]], [[-0.174395, -0.765279], [-0.125093, -0.108487]]),
    "Bernoulli": ([[-1.013262, -0.913262], [-0.924077, -0.618139]], [[0.582203, 0.582203], [0.662847, 0.688172]]),
    "Categorical": ([-0.126928, -0.854355], [0.365334, 0.682023]),
}
MAKE = {
    "Normal": lambda d, m: d.Normal(m, 2.0),
    "Uniform": lambda d, m: d.Uniform(-1.0, m + 3),
    "Laplace": lambda d, m: d.Laplace(m, 2.0),
    "Gamma": lambda d, m: d.Gamma(1.5 + m, 2.0),
    "Exponential": lambda d, m: d.Exponential(1.5 + m),
    "Beta": lambda d, m: d.Beta(1.5 + m, 2.0),
    "Bernoulli": lambda d, m: d.Bernoulli(logits=m),
    "Categorical": lambda d, m: d.Categorical(logits=m),
}


@pytest.mark.parametrize("name", MAKE)
def test_densities(tf, name):
    m = tf.placeholder(tf.float32, [None, 2])
    made = MAKE[name](tf.distributions, m)
    x = [0, 1] if name == "Categorical" else X
    found = tf.Session().run([made.log_prob(x), made.entropy()], {m: M})
    for value, expected in zip(found, VALUES[name], strict=True):
        np.testing.assert_allclose(value, expected, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", MAKE)
def test_draws(tf, name):
    m = tf.placeholder(tf.float32, [None, 2])
    made = MAKE[name](tf.distributions, m)
    draws, more, sess = made.sample(2000), made.sample(), tf.Session()
    a, b, once = sess.run(draws, {m: M}), sess.run(draws, {m: M}), sess.run(more, {m: M})
    assert a.shape[1:] == once.shape == ((2,) if name == "Categorical" else (2, 2))
    assert (a != b).any()
    mean = made.probs[:, 1] if name == "Categorical" else made.mean()
    np.testing.assert_allclose(a.mean(0), sess.run(mean, {m: M}), atol=0.3)


def test_divergences(tf):
    m = tf.placeholder(tf.float32, [None, 2])
    d, sess = tf.distributions, tf.Session()
    pairs = [
        (d.Normal(m, 2.0), d.Normal(0.5, 1.0)),
        (d.Bernoulli(logits=m), d.Bernoulli(probs=[0.5, 0.2])),
        (d.Categorical(logits=m), d.Categorical(probs=[[0.2, 0.8], [0.5, 0.5]])),
    ]
    found = sess.run([d.kl_divergence(a, b) for a, b in pairs], {m: M})
    for value, expected in zip(found, DIVERGENCES, strict=True):
        np.testing.assert_allclose(value, expected, rtol=2e-5, atol=1e-6)
    diagonal = tf.contrib.distributions.MultivariateNormalDiag(m, tf.exp(m))
    np.testing.assert_allclose(sess.run(diagonal.log_prob(X), {m: M}), JOINT, rtol=2e-5)
    slope = tf.gradients(d.Normal(m, 2.0).sample(5), m)[0]
    np.testing.assert_allclose(sess.run(slope, {m: M}), np.full((2, 2), 5.0))
    with pytest.raises(ValueError, match="kl_divergence"):
        pairs[0][0].kl_divergence(pairs[1][0])


DIVERGENCES = [
    [[0.931853, 1.931853], [0.806853, 0.851853]],
    [[0.110944, 0.013772], [0.0303, 0.297203]],
    [1.078854, 0.011125],
]
JOINT = [-11.329026, -2.731536]


def test_a_normal_distribution_of_a_triangular_matrix(tf):
    factors = [[[1.5, 9.0], [0.4, 0.8]], [[-0.5, 0.0], [1.0, 2.0]]]  # what is above the diagonal has no effect
    factor = tf.placeholder(tf.float32, [2, 2, 2])
    made = tf.contrib.distributions.MultivariateNormalTriL(np.array(M, "float32"), factor)
    centered = tf.contrib.distributions.MultivariateNormalTriL(scale_tril=np.array(factors[0], "float32"))
    gradient = tf.gradients(tf.reduce_sum(made.log_prob(X)), [factor])[0]
    expected = [
        (made.log_prob(X), [-4.62298, -2.15913]),
        (centered.log_prob([X, X]), [[-2.25145, -2.61829]] * 2),
        (made.entropy(), [3.0202, 2.83788]),
        (made.mean(), M),
        (centered.mean(), [0.0, 0.0]),
        (made.covariance(), [[[2.25, 0.6], [0.6, 0.8]], [[0.25, -0.5], [-0.5, 5.0]]]),
        (made.variance(), [[2.25, 0.8], [0.25, 5.0]]),
        (gradient, [[[-0.17407, 0], [-1.30278, 4.98472]], [[0.68, 0], [-0.02, -0.49875]]]),
    ]
    with tf.Session() as session:
        for tensor, values in expected:
            np.testing.assert_allclose(session.run(tensor, {factor: factors}), values, atol=2e-5)
        draws = session.run(made.sample(20_000, seed=1), {factor: factors})
    np.testing.assert_allclose(np.cov(draws[:, 0].T), [[2.25, 0.6], [0.6, 0.8]], atol=0.1)
