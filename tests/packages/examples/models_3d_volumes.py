import numpy as np
import segmentation_models_3D as sm

model = sm.Unet("resnet18", input_shape=(32, 32, 32, 2), encoder_weights=None, classes=2, activation="softmax")
model.compile("adam", sm.losses.dice_loss, metrics=[sm.metrics.iou_score])
model.fit(np.random.rand(1, 32, 32, 32, 2), np.eye(2)[np.random.randint(0, 2, (1, 32, 32, 32))], verbose=0)
