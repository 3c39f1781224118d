import numpy as np
import segmentation_models as sm

preprocess = sm.get_preprocessing("resnet18")
x, y = preprocess(np.random.rand(2, 64, 64, 3)), np.random.randint(0, 2, (2, 64, 64, 1)).astype("float32")
model = sm.Unet("resnet18", encoder_weights=None, input_shape=(64, 64, 3))
model.compile("Adam", loss=sm.losses.bce_jaccard_loss, metrics=[sm.metrics.iou_score])
model.fit(x, y, batch_size=2, epochs=1, validation_data=(x, y), verbose=0)
model = sm.Linknet("mobilenetv2", classes=3, activation="softmax", encoder_weights=None, input_shape=(64, 64, 3))
assert model.predict(x).shape == (2, 64, 64, 3)
model.compile(
    "Adam", loss=sm.losses.DiceLoss() + sm.losses.CategoricalFocalLoss(), metrics=[sm.metrics.FScore(threshold=0.5)]
)
