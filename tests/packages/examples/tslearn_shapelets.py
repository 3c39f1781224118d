import numpy as np
from tslearn.shapelets import LearningShapelets

x, y = np.random.rand(12, 20, 1), np.array([0, 1] * 6)
model = LearningShapelets(n_shapelets_per_size={3: 2, 5: 2}, max_iter=3, random_state=0).fit(x, y)
assert model.transform(x).shape == (12, 4)
model.to_json("shapelets.json")
np.testing.assert_array_equal(LearningShapelets.from_json("shapelets.json").predict(x), model.predict(x))
