import numpy as np
from deel.lip.activations import GroupSort
from deel.lip.layers import FrobeniusDense, ScaledL2NormPooling2D, SpectralConv2D, SpectralDense
from deel.lip.losses import MulticlassHKR, MulticlassKR
from deel.lip.model import Sequential
from tensorflow.keras.layers import Flatten, Input
from tensorflow.keras.models import load_model
from tensorflow.keras.optimizers import Adam
from tensorflow.keras.utils import to_categorical

x = np.random.rand(32, 8, 8, 1).astype("float32")
y = to_categorical(np.arange(32) % 5)
model = Sequential(
    [
        Input(shape=(8, 8, 1)),
        SpectralConv2D(4, (3, 3), activation=GroupSort(2), kernel_initializer="orthogonal"),
        ScaledL2NormPooling2D(pool_size=(2, 2)),
        Flatten(),
        SpectralDense(8, activation=GroupSort(2), kernel_initializer="orthogonal"),
        FrobeniusDense(5, use_bias=False, kernel_initializer="orthogonal"),
    ],
    k_coef_lip=1.0,
)
model.compile(loss=MulticlassHKR(alpha=50, min_margin=0.05), optimizer=Adam(1e-3), metrics=["accuracy", MulticlassKR()])
model.fit(x, y, batch_size=8, epochs=2, validation_data=(x, y), verbose=2)
plain = model.vanilla_export()
np.testing.assert_allclose(plain.predict(x), model.predict(x), atol=1e-4)
model.save("lipschitz.keras")
np.testing.assert_allclose(load_model("lipschitz.keras").predict(x), model.predict(x), atol=1e-5)
