import numpy as np
import sciann as sn

x, y = sn.Variable("x"), sn.Variable("y")
f = sn.Functional("f", [x, y], 2 * [8], "tanh")
laplacian = sn.diff(f, x, order=2) + sn.diff(f, y, order=2)
xs, ys = np.meshgrid(np.linspace(-1, 1, 8), np.linspace(-1, 1, 8))
model = sn.SciModel([x, y], [laplacian, f])
history = model.train([xs, ys], ["zeros", xs * ys], epochs=3, batch_size=16, verbose=0)
assert history.history["loss"][-1] < history.history["loss"][0]
assert f.eval(model, [xs, ys]).shape == (8, 8)
