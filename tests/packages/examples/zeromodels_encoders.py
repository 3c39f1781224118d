import numpy as np
from zeromodels.models.bert import BertSequenceClassify
from zeromodels.models.vit import ViTImageClassify

sizes = {"embed_dim": 32, "num_heads": 2}
text = BertSequenceClassify(100, num_layers=2, mlp_dim=64, max_position_embeddings=32, num_classes=2, **sizes)
tokens = np.random.randint(1, 100, (4, 16))
given = {"input_ids": tokens, "attention_mask": np.ones_like(tokens), "token_type_ids": np.zeros_like(tokens)}
out = text(given)
assert (out["logits"] if isinstance(out, dict) else out).shape == (4, 2)
image = ViTImageClassify(image_size=32, patch_size=8, depth=2, num_classes=3, **sizes)
out = image(np.random.rand(2, 32, 32, 3))
assert (out["logits"] if isinstance(out, dict) else out).shape == (2, 3)
