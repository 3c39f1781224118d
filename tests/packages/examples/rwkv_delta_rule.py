import os

os.environ["KERAS_BACKEND"] = "jax"
import keras
import numpy as np
from rwkv_ops import get_generalized_delta_rule

rule = get_generalized_delta_rule(8, KERNEL_TYPE="native")
rule = rule[0] if isinstance(rule, tuple) else rule
rng = np.random.default_rng(0)
r, w, k, v, a, b = (rng.normal(scale=0.3, size=(2, 16, 2, 8)).astype("float32") for _ in range(6))
w = -np.exp(w)
out, final = rule(r, w, k, v, a, b, initial_state=np.zeros((2, 2, 8, 8), "float32"))
state = np.zeros((2, 2, 8, 8))  # the recurrence that the chunks compute
decay = np.exp(-np.exp(w.astype("float64")))
for t in range(16):
    now = [each[:, t].astype("float64") for each in (r, k, v, a, b)]
    state = state * decay[:, t, :, None, :] + np.einsum("bhij,bhj,bhk->bhik", state, now[3], now[4])
    state = state + np.einsum("bhi,bhj->bhij", now[2], now[1])
    np.testing.assert_allclose(out[:, t], np.einsum("bhij,bhj->bhi", state, now[0]), atol=1e-4)
print(keras.ops.shape(final))
