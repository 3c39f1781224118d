import os

os.environ["KERAS_BACKEND"] = "jax"
import bayesflow as bf
import numpy as np


def prior():
    return {"mu": np.random.normal(size=2)}


def likelihood(mu):
    return {"y": np.random.normal(mu, 0.5, size=(10, 2))}


simulator = bf.make_simulator([prior, likelihood])
workflow = bf.BasicWorkflow(
    simulator=simulator,
    inference_network=bf.networks.CouplingFlow(depth=2, subnet_kwargs={"widths": (16,)}),
    summary_network=bf.networks.DeepSet(summary_dim=4, depth=1),
    inference_variables=["mu"],
    summary_variables=["y"],
)
history = workflow.fit_online(epochs=1, batch_size=8, num_batches_per_epoch=4, verbose=0)
assert np.isfinite(history.history["loss"]).all()
samples = workflow.sample(conditions=simulator.sample(3), num_samples=5)
assert samples["mu"].shape == (3, 5, 2)
