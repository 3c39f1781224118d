import numpy as np
from vit_keras import vit

model = vit.build_model(
    image_size=32,
    patch_size=8,
    num_layers=2,
    hidden_size=16,
    num_heads=2,
    name="small",
    mlp_dim=32,
    classes=3,
    dropout=0.1,
    activation="softmax",
    include_top=True,
    representation_size=None,
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
x = np.random.rand(8, 32, 32, 3).astype("float32")
model.fit(x, np.arange(8) % 3, epochs=1, verbose=2)
before = model.predict(x)
model.save_weights("vit.weights.h5")
model.load_weights("vit.weights.h5")
np.testing.assert_allclose(model.predict(x), before, rtol=1e-5)
