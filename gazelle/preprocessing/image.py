"""Images between files and arrays, under the names of `keras.preprocessing.image`."""

from gazelle.data.images import array_to_img, img_to_array, load_img, save_img, smart_resize

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img", "smart_resize"]
