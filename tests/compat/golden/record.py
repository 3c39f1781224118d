"""Records what genuine libraries compute: first weights in, losses of 20 updates out.

    KERAS_BACKEND=theano python record.py models first.npz      with Keras 1.2.2 (or second.npz, with 2.3.1)
    TF_USE_LEGACY_KERAS=1 python record.py tensorflow_models tensorflow.npz      with tensorflow and tf-keras 2.21

The models lie beside this file, written so that these libraries, and gazelle, run the same lines.
"""

import importlib
import sys

import numpy as np

models = importlib.import_module(sys.argv[1])
out = {}
for name in models.NAMES:
    model, x, y = models.make(name)
    for number, w in enumerate(model.get_weights()):
        out[f"{name}/{number}"] = w.astype("float32")
    losses = [float(np.ravel(model.train_on_batch(x, y))[0]) for _ in range(20)]
    out[name + "/losses"] = np.array(losses)
    out[name + "/outputs"] = np.asarray(model.predict(x))
    print(name, losses[0], losses[-1])
np.savez_compressed(sys.argv[2], **out)
