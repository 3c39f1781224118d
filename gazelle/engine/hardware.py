"""Where programs run, told once, and why not on a GPU that is there."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import jax

from gazelle.core.engines import engine
from gazelle.engine.choice import current

_told = False


def device_message() -> str:
    """'Training on cpu:0 (XLA).' the first time in a process, with the reason where a GPU is idle; '' later."""
    global _told
    if _told:
        return ""
    _told = True
    device = current().devices()[0]
    line = f"Training on {device} ({current().title})."
    return f"{line} {gpu_unused_reason()}" if device.startswith("cpu") and has_nvidia_gpu() else line


def has_nvidia_gpu() -> bool:
    """Whether the machine has a GPU of NVIDIA's with its driver."""
    gpus = Path("/proc/driver/nvidia/gpus")
    return (gpus.is_dir() and any(gpus.iterdir())) or shutil.which("nvidia-smi") is not None


def gpu_unused_reason() -> str:
    """Why the GPU that is there is not used, and what to do."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return f"The GPU is not used: CUDA_VISIBLE_DEVICES={os.environ['CUDA_VISIBLE_DEVICES']} hides it."
    if engine() == "pytensor":
        return "The GPU is not used: PyTensor computes on the CPU."
    if engine() == "tensorflow":
        return 'The GPU is not used: this TensorFlow found no CUDA: pip install "tensorflow[and-cuda]".'
    platforms = str(jax.config.jax_platforms or "")
    if platforms and not {"cuda", "gpu"} & set(platforms.split(",")):
        return f"The GPU is not used: JAX_PLATFORMS={platforms} says so."
    if not any(importlib.util.find_spec(f"jax_cuda{version}_plugin") for version in (12, 13)):
        return 'The GPU is not used: JAX has no CUDA here: pip install "gazelle[cuda]".'
    return "The GPU is not used: JAX could not start it; jax.devices('cuda') says why."
