import cornac
import numpy as np
from cornac.eval_methods import RatioSplit

rng = np.random.default_rng(0)
pairs = {(str(u), str(i)) for u, i in zip(rng.integers(0, 30, 400), rng.integers(0, 20, 400), strict=True)}
split = RatioSplit(data=[(u, i, 1.0) for u, i in sorted(pairs)], test_size=0.2, seed=123, verbose=False)
options = {"learner": "adam", "num_epochs": 3, "batch_size": 64, "lr": 0.001, "num_neg": 5, "seed": 123}
tower = {"layers": [16, 8], "act_fn": "tanh"}
gmf = cornac.models.GMF(num_factors=8, **options)
mlp = cornac.models.MLP(**tower, **options)
neumf = cornac.models.NeuMF(num_factors=8, **tower, **options)
pretrained = cornac.models.NeuMF(name="pretrained", num_factors=8, **tower, **options).from_pretrained(gmf, mlp)
metrics = [cornac.metrics.NDCG(k=5), cornac.metrics.Recall(k=5)]
cornac.Experiment(eval_method=split, models=[gmf, mlp, neumf, pretrained], metrics=metrics).run()
