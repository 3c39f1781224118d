import ktrain
import numpy as np
import pandas as pd
import tensorflow as tf
from ktrain import tabular, text

tf.keras.utils.set_random_seed(0)
texts = ["good movie great", "bad movie terrible"] * 30
names = ["negative", "positive"]
train, valid, preprocessor = text.texts_from_array(
    texts, [1, 0] * 30, class_names=names, val_pct=0.2, maxlen=10, max_features=100, lang="en"
)
learner = ktrain.get_learner(text.text_classifier("fasttext", train, preproc=preprocessor), train, valid, batch_size=6)
learner.lr_find(max_epochs=2, show_plot=False)
learner.fit_onecycle(5e-2, 3)
learner.validate(class_names=names)
predictor = ktrain.get_predictor(learner.model, preprocessor)
assert predictor.predict(["great good", "terrible bad"]) == ["positive", "negative"]
predictor.save("predictor")
assert ktrain.load_predictor("predictor").predict(["great good"]) == ["positive"]
table = pd.DataFrame({"a": np.arange(100) % 2 + 0.1, "b": list("xyxy") * 25, "t": np.arange(100) % 2})
train, valid, _ = tabular.tabular_from_df(table, label_columns="t", random_state=0)
learner = ktrain.get_learner(tabular.tabular_classifier("mlp", train), train, valid, batch_size=16)
print(learner.autofit(1e-2, 2).history["loss"])
