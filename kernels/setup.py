"""Compile the kernels for the processor of this machine; those for convolutions where oneDNN is available."""

import importlib.metadata
import importlib.util
from pathlib import Path

import jax
from setuptools import Extension, setup

spec = importlib.util.spec_from_file_location(
    "gazelle_kernels", Path(__file__).parent / "gazelle_kernels" / "__init__.py"
)
package = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)

FLAGS = ["-O3", "-std=c++17", "-w"]
extensions = [
    Extension(
        "gazelle_kernels.recurrent",
        ["src/recurrent.cc"],
        depends=["src/share.h"],
        include_dirs=[jax.ffi.include_dir()],
        define_macros=[("GAZELLE_PROCESSOR", f'"{package.processor()}"')],
        extra_compile_args=[*FLAGS, "-march=native", "-fopenmp-simd"],
        language="c++",
    )
]
try:
    library = package.onednn_library()
    headers = importlib.metadata.files("onednn-devel-cpu-gomp") or []
    header = next(file for file in headers if file.match("oneapi/dnnl/dnnl.hpp"))
except (OSError, importlib.metadata.PackageNotFoundError, StopIteration) as error:
    print(f"without convolutions: oneDNN is not available ({error})")
else:
    extensions.append(
        Extension(
            "gazelle_kernels.convolution",
            ["src/convolution.cc"],
            depends=["src/share.h"],
            include_dirs=[jax.ffi.include_dir(), str(Path(header.locate()).parents[2])],
            extra_objects=[library],
            extra_compile_args=FLAGS,
            libraries=["dl"],
            language="c++",
        )
    )

setup(ext_modules=extensions)
