"""VGG with four convolutions in each of the last three blocks."""

from gazelle.applications.build_model import application, kernels
from gazelle.applications.imagenet_utils import decode_predictions, preprocessing
from gazelle.applications.vgg16 import body

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]

VGG19 = application(
    "VGG19",
    body,
    kernels("vgg19", "vgg19", ("cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6")),
    "VGG with 19 layers that have weights",
    "Simonyan and Zisserman, Very Deep Convolutional Networks (2014), https://arxiv.org/abs/1409.1556.",
    name="vgg19",
    depths=(2, 2, 4, 4, 4),
)
preprocess_input = preprocessing("caffe")
