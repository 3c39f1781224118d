"""Operations in model files: the classes of Keras 3, whose modules a file names, and the functions of `gazelle.ops`."""

from __future__ import annotations

from gazelle.core.names import pascal, snake

#: module of Keras -> its operations; all others belong to numpy
_MODULES = {
    "core": """
        astype cast convert_to_tensor saturate_cast scatter scatter_update slice slice_update stop_gradient unstack
    """,
    "image": """
        affine_transform crop_images elastic_transform extract_patches gaussian_blur hsv_to_rgb map_coordinates
        pad_images perspective_transform resize rgb_to_grayscale rgb_to_hsv scale_and_translate sobel_edges ssim
    """,
    "linalg": """
        cholesky cholesky_inverse det eig eigh inv lstsq lu_factor matrix_rank norm pinv qr solve solve_triangular svd
    """,
    "math": """
        cdist erf erfc erfinv extract_sequences fft fft2 ifft2 in_top_k irfft istft logdet logsumexp rfft rsqrt
        segment_max segment_min segment_prod segment_sum stft top_k view_as_complex view_as_real
    """,
    "nn": """
        adaptive_average_pool adaptive_max_pool average_pool batch_normalization binary_crossentropy
        categorical_crossentropy celu conv conv_transpose ctc_decode ctc_loss depth_to_space depthwise_conv
        dot_product_attention elu fold gelu glu hard_shrink hard_sigmoid hard_silu hard_tanh layer_normalization
        leaky_relu log_sigmoid log_softmax max_pool moments multi_hot normalize one_hot polar psnr relu relu6
        rms_normalization selu separable_conv sigmoid silu soft_shrink softmax softplus softsign space_to_depth
        sparse_categorical_crossentropy sparse_plus sparse_sigmoid sparsemax squareplus tanh_shrink threshold unfold
    """,
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}
#: operation -> its class, if that is not the name in capitals
_CLASSES = {
    "allclose": "AllClose",
    "astype": "Cast",
    "batch_normalization": "BatchNorm",
    "cdist": "CDist",
    "ctc_decode": "CTCDecode",
    "ctc_loss": "CTCLoss",
    "extract_patches_3d": "ExtractPatches3D",
    "hsv_to_rgb": "HSVToRGB",
    "isin": "IsIn",
    "layer_normalization": "LayerNorm",
    "rgb_to_grayscale": "RGBToGrayscale",
    "rgb_to_hsv": "RGBToHSV",
    "rms_normalization": "RMSNorm",
    "searchsorted": "SearchSorted",
}
_UPPER = "fft fft2 ifft2 irfft istft psnr rfft ssim stft svd"
_CLASSES |= {name: name.upper() for name in _UPPER.split()}
_OPERATIONS = {cls: name for name, cls in _CLASSES.items() if name != "astype"}
#: parameters that belong to the call of a class, in all operations that have them; all others to its constructor
_COMMON_INPUTS = """
    a abs_ angle array beta bias choicelist condition condlist constant_values coordinates data default depthwise_kernel
    end_points gamma image1 image2 images indices inputs kernel key mask mean operands output output_length output_shape
    pointwise_kernel predictions q query scale segment_ids sequence_lengths sorted_sequence start start_indices
    start_points step stop target target_length targets transform translation updates value values variable variance x
    x1 x2 xs y
"""
_INPUTS = frozenset(_COMMON_INPUTS.split())
#: further ones of an operation
_OWN_INPUTS = {
    "average": ("weights",),
    "batch_normalization": ("offset",),
    "digitize": ("bins",),
    "full_like": ("fill_value",),
    "isclose": ("rtol", "atol"),
    **dict.fromkeys(("lstsq", "solve", "solve_triangular"), ("b",)),
}


def class_of(operation: str) -> tuple[str, str]:
    """Return the module and the name of Keras' class for an operation.

    >>> class_of("top_k"), class_of("fft"), class_of("add")
    (('keras.src.ops.math', 'TopK'), ('keras.src.ops.math', 'FFT'), ('keras.src.ops.numpy', 'Add'))
    """
    return f"keras.src.ops.{_MODULE_OF.get(operation, 'numpy')}", _CLASSES.get(operation) or pascal(operation)


def operation_of(name: str) -> str:
    """Return the operation that a class of Keras stands for.

    >>> operation_of("TopK"), operation_of("RMSNorm")
    ('top_k', 'rms_normalization')
    """
    return _OPERATIONS.get(name) or snake(name)


def is_input(operation: str, parameter: str) -> bool:
    """Return whether the class of an operation takes this parameter in its call, not in its constructor.

    >>> is_input("quantile", "q"), is_input("quantile", "axis")
    (True, False)
    """
    return parameter in _INPUTS or parameter in _OWN_INPUTS.get(operation, ())
