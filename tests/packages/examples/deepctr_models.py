import numpy as np
from deepctr.feature_column import DenseFeat, SparseFeat, VarLenSparseFeat, get_feature_names
from deepctr.models import DCN, DIN, AutoInt, DeepFM, xDeepFM

columns = [SparseFeat("user", 10, embedding_dim=4), SparseFeat("item", 20, embedding_dim=4), DenseFeat("age", 1)]
names = get_feature_names(columns)
data = {"user": np.random.randint(0, 10, 64), "item": np.random.randint(0, 20, 64), "age": np.random.rand(64)}
y = np.random.randint(0, 2, 64)
for kind in (DeepFM, DCN, AutoInt, xDeepFM):
    model = kind(columns, columns, task="binary", dnn_hidden_units=(8, 8))
    model.compile("adam", "binary_crossentropy", metrics=["binary_crossentropy"])
    model.fit({name: data[name] for name in names}, y, batch_size=16, epochs=1, verbose=0, validation_split=0.2)
    assert model.predict({name: data[name] for name in names}, batch_size=64).shape == (64, 1)
history = VarLenSparseFeat(SparseFeat("hist_item", 20, 4, embedding_name="item"), maxlen=4, length_name="seq_length")
din = DIN([*columns, history], ["item"], dnn_hidden_units=(8,))
din.compile("adagrad", "binary_crossentropy")
data.update(hist_item=np.random.randint(1, 20, (64, 4)), seq_length=np.random.randint(1, 5, 64))
din.fit({name: data[name] for name in get_feature_names([*columns, history])}, y, epochs=1, verbose=0)
