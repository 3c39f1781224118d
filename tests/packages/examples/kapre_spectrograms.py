import numpy as np
from kapre import STFT, Magnitude, MagnitudeToDecibel
from kapre.augmentation import SpecAugment
from kapre.composed import get_log_frequency_spectrogram_layer, get_melspectrogram_layer
from tensorflow.keras.layers import Conv2D, Dense, GlobalAveragePooling2D, ReLU, Softmax
from tensorflow.keras.models import Sequential, load_model
from tensorflow.keras.utils import to_categorical

shape = (4000, 1)
x = np.random.randn(8, *shape).astype("float32")
model = Sequential(
    [
        STFT(n_fft=256, win_length=200, hop_length=128, input_shape=shape),
        Magnitude(),
        MagnitudeToDecibel(),
        Conv2D(4, (3, 3), strides=(2, 2)),
        ReLU(),
        GlobalAveragePooling2D(),
        Dense(10),
        Softmax(),
    ]
)
model.compile("adam", "categorical_crossentropy")
model.fit(x, to_categorical(np.arange(8), 10), epochs=1, verbose=2)
mel = get_melspectrogram_layer(
    input_shape=shape, n_fft=256, hop_length=128, sample_rate=8000, n_mels=16, return_decibel=True
)
masked = SpecAugment(freq_mask_param=5, time_mask_param=10, n_freq_masks=2, n_time_masks=2, mask_value=-100)
print(Sequential([mel, masked])(x, training=True).shape)
print(Sequential([get_log_frequency_spectrogram_layer(shape, sample_rate=8000, n_fft=256, log_n_bins=20)])(x).shape)
model.save("model.h5")
layers = {"STFT": STFT, "Magnitude": Magnitude, "MagnitudeToDecibel": MagnitudeToDecibel}
np.testing.assert_allclose(load_model("model.h5", custom_objects=layers).predict(x), model.predict(x), rtol=1e-5)
