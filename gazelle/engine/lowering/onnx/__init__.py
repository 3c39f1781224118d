"""ONNX: the table of rules; the values of this target are names in a graph.

Input: a traced program. Output: a graph for ONNX runtimes. The package `onnx` is imported when a graph is written.
"""

from gazelle.engine.lowering.onnx import arrays, elementwise, indexing, loops, products

name = "onnx"
RULES = {**elementwise.RULES, **arrays.RULES, **loops.RULES, **indexing.RULES, **products.RULES}
_FUNCTION, _COMPLEX = "ONNX has no such function", "onnxruntime computes with real numbers"
_DRAWS, _MATRICES = "an exported model draws no random numbers", "ONNX has no decompositions of matrices"
#: {primitive: reason why there is no rule}
MISSING = {
    "bitcast_convert_type": "ONNX reads no bytes as another type",
    "cholesky": _MATRICES,
    **dict.fromkeys(("bessel_i0e", "bessel_i1e", "digamma", "igamma", "igamma_grad_a", "igammac", "lgamma"), _FUNCTION),
    **dict.fromkeys(("nextafter", "polygamma", "regularized_incomplete_beta", "zeta"), _FUNCTION),
    **dict.fromkeys(("conj", "imag", "real"), _COMPLEX),
    "complex": _COMPLEX,
    "eig": _MATRICES,
    "eigh": _MATRICES,
    "ffi_call": "a kernel that was made for XLA runs on XLA only",
    "fft": _COMPLEX,
    "io_callback": "ONNX calls no Python",
    "lu": _MATRICES,
    "pure_callback": "ONNX calls no Python",
    "qr": _MATRICES,
    "svd": _MATRICES,
    "threefry2x32": _DRAWS,
    "triangular_solve": _MATRICES,
    "tridiagonal_solve": _MATRICES,
}
