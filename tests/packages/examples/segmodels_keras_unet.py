import os

os.environ["SM_FRAMEWORK"] = "keras"
import numpy as np
import segmodels_keras as sm

sizes = {"encoder_weights": None, "input_shape": (64, 64, 3)}
model = sm.Unet("resnet18", classes=2, activation="sigmoid", **sizes)
model.compile("adam", loss=sm.losses.bce_jaccard_loss, metrics=[sm.metrics.iou_score])
images, masks = np.random.rand(2, 64, 64, 3), np.random.randint(0, 2, (2, 64, 64, 2)).astype("float32")
assert "iou_score" in model.fit(images, masks, verbose=0).history
