"""All functions of bounding boxes under one name, as `keras.utils.bounding_boxes` has them."""

from gazelle.ops.image.boxes import affine_transform, clip_to_image_size, convert_format, crop, pad
from gazelle.ops.image.overlap import compute_ciou, compute_iou, decode_deltas_to_boxes, encode_box_to_deltas

__all__ = [
    "affine_transform",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "convert_format",
    "crop",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "pad",
]
