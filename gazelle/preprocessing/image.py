"""Conversion of images between files and arrays, as in `keras.preprocessing.image`."""

from gazelle.data.images import array_to_img, img_to_array, load_img, save_img, smart_resize

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img", "smart_resize"]
