"""Records what the genuine tensorflow_addons computes: python record_addons.py addons.npz addons_files.zip

It needs tensorflow_addons 0.23 and TensorFlow 2.15.
"""

import pathlib
import sys
import zipfile

import addons_cases
import addons_files
import addons_values
import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa

out = {}
for name, expression in addons_cases.cases(addons_cases.OPTIMIZERS).items():
    values, _ = addons_cases.trained(expression, tf, tfa)
    out[f"optimizers/{name}"] = np.concatenate([value.ravel() for value in values])
for name, expression in addons_cases.cases(addons_cases.IMAGES).items():
    function = getattr(tfa.image, expression.partition("(")[0])
    out[f"image/{name}"] = eval(expression, {function.__name__: function, **addons_cases.images()}).numpy()
for kind in ("losses", "activations", "metrics", "layers"):
    values = addons_values.results(tfa, tf.keras, kind)
    out |= {f"{kind}/{name}": np.round(value, 6) for name, value in values.items()}
with zipfile.ZipFile(sys.argv[2], "w", zipfile.ZIP_DEFLATED) as archive:
    for name in addons_files.OPTIMIZERS:
        path = pathlib.Path(f"{name}.h5")
        addons_files.save(tfa, tf.keras, name, str(path))
        out[f"files/{name}"] = addons_files.continued(tf.keras, str(path))[1]
        archive.write(path)
        path.unlink()
np.savez_compressed(sys.argv[1], **out)
