import tempfile

import autokeras as ak
import numpy as np

x, y = np.random.rand(32, 5).astype("float32"), np.random.randint(0, 2, 32)
images = np.random.rand(32, 8, 8, 1).astype("float32")
inputs = ak.ImageInput()
outputs = ak.ClassificationHead()(ak.ConvBlock(kernel_size=3, num_blocks=1, num_layers=1, max_pooling=False)(inputs))
auto = ak.AutoModel(inputs, outputs, max_trials=1, overwrite=True, directory=tempfile.mkdtemp())
auto.fit(images, y, epochs=1, verbose=0)
assert auto.predict(images, verbose=0).shape == (32, 1)
model = auto.export_model()
model.summary()
