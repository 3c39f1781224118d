import elvet
import numpy as np
import tensorflow as tf

tf.keras.utils.set_random_seed(0)


def equation(x, f, df_dx):
    return df_dx - f * (1 - f)


condition = elvet.BC(0, lambda x, f, df_dx: f - 1 / 2)
domain = elvet.box((-5, 5, 101))
result = elvet.solver(equation, condition, domain, epochs=2000, verbose=False)
error = np.abs(np.asarray(result.prediction()) - 1 / (1 + np.exp(-np.asarray(domain)))).max()
print(error)
assert error < 0.1
