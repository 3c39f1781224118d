"""`H5IOStore` of `keras.src.saving.saving_lib`: arrays by path in an HDF5 file, as packages save parts of a model."""

from __future__ import annotations

from typing import Any

from gazelle.core.types import PathLike


class H5IOStore:
    """Arrays by path and name in an HDF5 file: `store.make("lora")["rank"] = 4`."""

    def __init__(self, path_or_io: PathLike | Any, archive: Any = None, mode: str = "r") -> None:
        import h5py

        self.h5_file = h5py.File(path_or_io, mode)
        self.close = self.h5_file.close

    def make(self, path: str, metadata: Any = None) -> Any:
        """Return a new group."""
        return self.h5_file.create_group(f"{path}/vars")

    def get(self, path: str) -> Any:
        """Return a group of the file; an empty one if there is none of that path."""
        return self.h5_file.get(f"{path}/vars", {})
