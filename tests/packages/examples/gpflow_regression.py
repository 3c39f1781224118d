import gpflow
import numpy as np
import tensorflow as tf

rng = np.random.default_rng(0)
x = rng.uniform(0, 1, (30, 1))
y = np.sin(12 * x) + 0.66 * np.cos(25 * x) + rng.normal(size=(30, 1)) * 0.1 + 3
model = gpflow.models.GPR((x, y), gpflow.kernels.Matern52(), gpflow.functions.Constant())
before = float(model.log_marginal_likelihood())
gpflow.optimizers.Scipy().minimize(model.training_loss, model.trainable_variables, options={"maxiter": 30})
assert float(model.log_marginal_likelihood()) > before
mean, variance = model.predict_f(np.linspace(0, 1, 10)[:, None])
assert mean.shape == (10, 1)
assert (variance.numpy() > 0).all()

sparse = gpflow.models.SVGP(
    gpflow.kernels.SquaredExponential(), gpflow.likelihoods.Gaussian(), inducing_variable=x[:10].copy(), num_data=30
)
loss, optimizer = sparse.training_loss_closure((x, y)), tf.keras.optimizers.Adam(0.05)
before = float(loss())
for _ in range(20):
    optimizer.minimize(loss, sparse.trainable_variables)
assert float(loss()) < before
