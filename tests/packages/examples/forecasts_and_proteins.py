import json

import numpy as np
from bert4keras3.models import build_transformer_model
from keras_bio.protein import ESM2Config, ESM2ForMaskedLM, ProtT5Tokenizer
from keras_climate.forecasting import PatchTST
from keras_climate.remote_sensing import UNet
from keras_vision.MobileViT_v1 import build_MobileViT_v1
from timemixer_tf import TimeMixer, TimeMixerConfig

forecaster = PatchTST(seq_len=32, pred_len=8, num_channels=3, d_model=16, depth=1, num_heads=2)
forecaster.compile("adam", "mse")
forecaster.fit(np.random.rand(8, 32, 3), np.random.rand(8, 8, 3), verbose=0)
segmenter = UNet(input_shape=(32, 32, 4), num_classes=5, base_filters=4, depth=2)
assert segmenter.predict(np.random.rand(1, 32, 32, 4), verbose=0).shape == (1, 32, 32, 5)

mixer = TimeMixer(
    TimeMixerConfig(seq_len=32, pred_len=16, enc_in=3, c_out=3, d_model=8, e_layers=1, down_sampling_layers=2)
)
assert tuple(mixer(np.random.rand(4, 32, 3).astype("float32"), np.zeros((4, 32, 4), "float32")).shape) == (4, 16, 3)

config = ESM2Config(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
out = ESM2ForMaskedLM(config)(np.random.randint(4, 20, (2, 12)))
assert np.shape(out["logits"] if isinstance(out, dict) else out)[:2] == (2, 12)
assert len(ProtT5Tokenizer()(["PRTEINO", "MKTI"])["input_ids"]) == 2

settings = {
    "hidden_size": 16,
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
    "intermediate_size": 32,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 20,
    "type_vocab_size": 2,
    "vocab_size": 50,
    "initializer_range": 0.02,
}
with open("bert.json", "w") as file:
    json.dump(settings, file)
bert = build_transformer_model("bert.json", None, model="bert", with_mlm=True)
assert bert.predict([np.random.randint(1, 50, (3, 8)), np.zeros((3, 8))], verbose=0).shape == (3, 8, 50)

classifier = build_MobileViT_v1(
    model_type="XXS", pretrained=False, include_top=True, num_classes=5, input_shape=(64, 64, 3)
)
assert classifier.predict(np.random.rand(1, 64, 64, 3), verbose=0).shape == (1, 5)
