import keras
import mcfly
import numpy as np

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
labels = np.arange(60) % 2
x = rng.normal(size=(60, 50, 3)).astype("float32") + labels[:, None, None]
y = np.eye(2)[labels]
models = mcfly.modelgen.generate_models(
    x.shape,
    number_of_output_dimensions=2,
    number_of_models=4,
    model_types=["CNN", "DeepConvLSTM", "ResNet", "InceptionTime"],
    low_lr=2,
    high_lr=3,
)
histories, accuracies, losses = mcfly.find_architecture.train_models_on_samples(
    x[:40], y[:40], x[40:], y[40:], models, nr_epochs=1, subset_size=40, verbose=False, batch_size=10
)
print([kind for _, _, kind in models], accuracies, losses)
best = models[int(np.argmax(accuracies))][0]
best.save("best.keras")
np.testing.assert_allclose(
    keras.models.load_model("best.keras").predict(x, verbose=0), best.predict(x, verbose=0), atol=1e-5
)
