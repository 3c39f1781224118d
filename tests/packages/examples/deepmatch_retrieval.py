import numpy as np
from deepctr.feature_column import SparseFeat, VarLenSparseFeat
from deepmatch.models import YoutubeDNN
from deepmatch.utils import NegativeSampler, sampledsoftmaxloss

history = VarLenSparseFeat(SparseFeat("history", 6, 4, embedding_name="item"), 3, "mean", "length")
sampler = NegativeSampler("frequency", num_sampled=3, item_name="item", item_count=[1] * 6)
model = YoutubeDNN(
    [SparseFeat("user", 5, 4), history],
    [SparseFeat("item", 6, 4)],
    user_dnn_hidden_units=(8, 4),
    sampler_config=sampler,
)
model.compile("adam", loss=sampledsoftmaxloss)
x = {"user": np.random.randint(0, 5, 16), "history": np.random.randint(0, 6, (16, 3)), "length": np.full(16, 3)}
model.fit({**x, "item": np.random.randint(1, 6, 16)}, np.ones(16), verbose=0)
