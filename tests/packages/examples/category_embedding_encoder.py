import numpy as np
import pandas as pd
from category_embedding import CategoryEmbedding

rng = np.random.RandomState(0)
table = pd.DataFrame({"c": rng.choice(list("xyz"), 150), "d": rng.choice(list("uvwt"), 150), "n": rng.rand(150)})
table.loc[3, "c"] = None
columns = {"categorical_cols": ["c", "d"], "numeric_cols": ["n"], "verbose": 0}
encoder = CategoryEmbedding(task="classification", epochs=5, focal_gamma=2.0, **columns)
encoder.fit(table, (table.c == "x").astype(int))
encoded = encoder.transform(table)
print(encoded.columns)
assert len(encoded) == 150
assert encoder.predict(table).shape[0] == 150
price = np.where(table.d == "u", 3.0, 1.0) + table.n
regression = CategoryEmbedding(task="regression", epochs=10, log_target=True, **columns)
regression.fit(table, price)
found = np.ravel(regression.predict(table))
assert np.isfinite(found).all()
assert found.std() > 0
