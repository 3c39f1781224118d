import keras
import keras_hub
import numpy as np

backbone = keras_hub.models.BertBackbone(
    vocabulary_size=50, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16, max_sequence_length=12
)
data = {
    "token_ids": np.random.randint(1, 50, (8, 12)),
    "segment_ids": np.zeros((8, 12), "int32"),
    "padding_mask": np.ones((8, 12), "int32"),
}
print({name: value.shape for name, value in backbone(data).items()})
classifier = keras_hub.models.BertTextClassifier(backbone, num_classes=2, preprocessor=None)
classifier.compile(
    optimizer=keras.optimizers.Adam(1e-3), loss=keras.losses.SparseCategoricalCrossentropy(True), jit_compile=True
)
classifier.fit(data, np.arange(8) % 2, batch_size=4, verbose=0)
assert classifier.predict(data, verbose=0).shape == (8, 2)

gpt = keras_hub.models.GPT2Backbone(50, 1, 2, 8, 16, max_sequence_length=12)
assert gpt({"token_ids": data["token_ids"], "padding_mask": data["padding_mask"]}).shape == (8, 12, 8)
resnet = keras_hub.models.ResNetBackbone(
    input_conv_filters=[64],
    input_conv_kernel_sizes=[3],
    stackwise_num_filters=[64, 64],
    stackwise_num_blocks=[1, 1],
    stackwise_num_strides=[1, 2],
    block_type="basic_block",
    image_shape=(32, 32, 3),
)
images = keras_hub.models.ImageClassifier(backbone=resnet, num_classes=3)
assert images.predict(np.random.rand(2, 32, 32, 3), verbose=0).shape == (2, 3)
