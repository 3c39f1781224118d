import numpy as np
from keras_cv_attention_models import convnext, efficientnet, mobilevit

options = {"input_shape": (64, 64, 3), "num_classes": 5, "pretrained": None}
for build in (convnext.ConvNeXtTiny, mobilevit.MobileViT_XXS, efficientnet.EfficientNetV2B0):
    assert build(**options).predict(np.random.rand(1, 64, 64, 3), verbose=0).shape == (1, 5)
