import keras
import keras_cv
import numpy as np

images, labels = np.random.rand(4, 32, 32, 3).astype("float32") * 255, np.eye(4, dtype="float32")
batch = {"images": images, "labels": labels}
for layer in (
    keras_cv.layers.RandomFlip(),
    keras_cv.layers.RandAugment((0, 255)),
    keras_cv.layers.CutMix(),
    keras_cv.layers.MixUp(),
):
    batch = layer(batch)
print({name: value.shape for name, value in batch.items()})
backbone = keras_cv.models.ResNetV2Backbone(
    stackwise_filters=[8, 16],
    stackwise_blocks=[2, 2],
    stackwise_strides=[1, 2],
    include_rescaling=True,
    input_shape=(32, 32, 3),
)
model = keras_cv.models.ImageClassifier(backbone=backbone, num_classes=4)
model.compile("adam", keras.losses.CategoricalCrossentropy(), ["accuracy"])
model.fit(images, labels, verbose=0)
print(keras_cv.losses.FocalLoss()(labels, labels * 0.8))
