import keras
import numpy as np
import tensorflow as tf
from gated_sae import GatedSAE, WarmupCosineDecay, sparsity_report
from predicateneuron.keras import PredicateLayer, set_model_hard_forward
from tensor_optix.algorithms.tf_dqn import TFDQNAgent
from tensor_optix.core.types import EpisodeData, HyperparamSet

x = np.random.rand(128, 20).astype("float32")
codes = GatedSAE(input_dim=20, encoding_dim=40, lambda_sparse=1e-3, aux_weight=0.1, clip_norm=1.0)
codes(x[:2])
codes.b_dec.assign(x.mean(axis=0))
codes.compile(keras.optimizers.Adam(WarmupCosineDecay(1e-3, warmup_steps=2, total_steps=20)))
losses = codes.fit(x, epochs=5, batch_size=64, verbose=0).history["loss"]
assert losses[-1] < losses[0]
assert sparsity_report(codes, x)["n_features"] == 40

start = keras.initializers.Constant(0.5)
gates = PredicateLayer(temperature=0.06, theta_initializer=start, hard_forward=False, hard_backward=False)
model = keras.Sequential([keras.Input((8,)), gates, keras.layers.Dense(1, activation="sigmoid")])
model.compile("adam", "binary_crossentropy")
model.fit(x[:, :8], x[:, 0] > 0.5, verbose=0)
set_model_hard_forward(model, True)
model.fit(x[:, :8], x[:, 0] > 0.5, verbose=0)

values = tf.keras.Sequential([tf.keras.layers.Dense(16, activation="relu", input_shape=(4,)), tf.keras.layers.Dense(2)])
settings = {"learning_rate": 1e-3, "gamma": 0.99, "batch_size": 16, "replay_capacity": 500, "min_replay_size": 16}
agent = TFDQNAgent(values, 2, tf.keras.optimizers.Adam(1e-3), HyperparamSet(params=settings, episode_id=0))
observations = np.random.rand(40, 4).astype("float32")
episode = EpisodeData(
    observations=observations,
    actions=np.array([int(agent.act(each)) for each in observations]),
    rewards=[1.0] * 40,
    terminated=[False] * 39 + [True],
    truncated=[False] * 40,
    infos=[{}] * 40,
    episode_id=0,
)
assert np.isfinite(agent.learn(episode)["loss"])
