"""Reports the device in use once, and why an available GPU is not used."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Collection
from pathlib import Path

import jax

from gazelle.core.engines import engine
from gazelle.engine.arrays import active_distribution
from gazelle.engine.choice import current

_reported = False


def device_message() -> str:
    """Return 'Training on cpu:0 (XLA).', with the reason if a GPU is unused; '' after the first call in a process.

    With a distribution the text is 'Training on 4 devices of 2 processes (XLA).'
    """
    global _reported
    if _reported:
        return ""
    _reported = True
    device = current().devices()[0]
    line = f"Training on {_distributed() or device} ({current().title})."
    return f"{line} {gpu_unused_reason()}" if device.startswith("cpu") and has_nvidia_gpu() else line


def _distributed() -> str:
    """The devices of the active distribution, '' if there is at most one."""
    active = active_distribution()
    devices: Collection[jax.Device] = () if active is None else active.replicated().device_set
    count = len({device.process_index for device in devices})
    return f"{len(devices)} devices" + (f" of {count} processes" if count > 1 else "") if len(devices) > 1 else ""


def has_nvidia_gpu() -> bool:
    """Return whether the machine has an NVIDIA GPU with its driver."""
    gpus = Path("/proc/driver/nvidia/gpus")
    return (gpus.is_dir() and any(gpus.iterdir())) or shutil.which("nvidia-smi") is not None


def gpu_unused_reason() -> str:
    """Return why the GPU is not used, and what to do."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return f"The GPU is not used: CUDA_VISIBLE_DEVICES={os.environ['CUDA_VISIBLE_DEVICES']} hides it."
    if engine() == "pytensor":
        return "The GPU is not used: PyTensor computes on the CPU."
    if engine() == "tensorflow":
        return 'The GPU is not used: this TensorFlow found no CUDA: pip install "tensorflow[and-cuda]".'
    platforms = str(jax.config.jax_platforms or "")
    if platforms and not {"cuda", "gpu"} & set(platforms.split(",")):
        return f"The GPU is not used: JAX_PLATFORMS={platforms} is set."
    if not any(importlib.util.find_spec(f"jax_cuda{version}_plugin") for version in (12, 13)):
        return 'The GPU is not used: JAX has no CUDA here: pip install "gazelle[cuda]".'
    return "The GPU is not used: JAX could not start it; jax.devices('cuda') raises the reason."
