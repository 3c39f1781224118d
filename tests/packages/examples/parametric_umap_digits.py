import numpy as np
from sklearn.datasets import load_digits
from umap.parametric_umap import ParametricUMAP

x = load_digits().data[:200].astype("float32") / 16
umap = ParametricUMAP(batch_size=200, n_epochs=20)
umap.loss_report_frequency = 2
points = umap.fit_transform(x)
assert points.shape == (200, 2)
assert np.isfinite(points).all()
np.testing.assert_allclose(umap.transform(x[:10]), points[:10], atol=1e-3)
assert np.isfinite(umap._history["loss"]).all()
