import numpy as np
from kmeanstf import KMeansTF, TunnelKMeansTF

x = np.random.RandomState(0).randn(300, 2).astype("float32")
x[:100] += 6
x[100:200] -= 6
means = KMeansTF(n_clusters=3, init=x[[0, 100, 200]], n_init=1)
means.fit(x)
centers = np.sort(np.asarray(means.cluster_centers_)[:, 0])
print(centers, float(means.inertia_))
np.testing.assert_allclose(centers, np.sort([part[:, 0].mean() for part in np.split(x, 3)]), atol=1e-4)
assert np.bincount(np.asarray(means.labels_)).tolist() == [100, 100, 100]
tunnel = TunnelKMeansTF(n_clusters=6, random_state=1)
tunnel.fit(x)
assert np.asarray(tunnel.cluster_centers_).shape == (6, 2)
