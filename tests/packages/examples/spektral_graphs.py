import numpy as np
from spektral.data import BatchLoader, Dataset, Graph
from spektral.layers import GATConv, GCNConv, GlobalSumPool
from tensorflow.keras.layers import Dense, Input
from tensorflow.keras.models import Model


class Rings(Dataset):
    def read(self):
        graphs = []
        for i in range(16):
            n = 6
            a = np.roll(np.eye(n), 1, axis=1)
            graphs.append(
                Graph(x=np.random.rand(n, 3).astype("float32"), a=(a + a.T).astype("float32"), y=np.eye(2)[i % 2])
            )
        return graphs


class Net(Model):
    def __init__(self):
        super().__init__()
        self.conv, self.att, self.pool, self.dense = (
            GCNConv(8, "relu"),
            GATConv(4),
            GlobalSumPool(),
            Dense(2, "softmax"),
        )

    def call(self, inputs):
        x, a = inputs
        return self.dense(self.pool(self.att([self.conv([x, a]), a])))


data = Rings()
loader = BatchLoader(data, batch_size=4, epochs=2)
net = Net()
net.compile("adam", "categorical_crossentropy")
net.fit(loader.load(), steps_per_epoch=loader.steps_per_epoch, epochs=2, verbose=0)

x_in, a_in = Input((3,)), Input((6,))
x = GCNConv(4, activation="relu")([x_in, a_in])
model = Model([x_in, a_in], Dense(2)(x))
graph = data[0]
print(model([graph.x, GCNConv.preprocess(graph.a).astype("float32")]).shape)
