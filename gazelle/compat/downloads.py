"""`get_file` as it was until Keras 3: the members of an archive are next to the archive."""

from __future__ import annotations

import os
import shutil
import tempfile
import urllib.parse
from collections.abc import Sequence

from gazelle.compat import era
from gazelle.core.types import PathLike
from gazelle.datasets import download
from gazelle.datasets.archives import unpack


def get_file(
    fname: PathLike | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | Sequence[str] | None = "auto",
    cache_dir: PathLike | None = None,
    force_download: bool = False,
) -> str:
    """Download a file if the cache does not contain it; return its path.

    With `extract`, the members of the archive are extracted into the folder of the archive. With `untar`, the archive
    is `fname` with the suffix .tar.gz, and the result is the path without it, which a member should have.
    """
    name = os.fspath(fname or os.path.basename(urllib.parse.urlsplit(origin or "").path))
    if untar and not era.standalone():
        name = name.removesuffix(".tar.gz")
    options = md5_hash, file_hash, cache_subdir, hash_algorithm, False, "auto", cache_dir, force_download
    archive = download.get_file(f"{name}.tar.gz" if untar else name, origin, False, *options)
    path = archive.removesuffix(".tar.gz") if untar else archive
    if extract or (untar and not os.path.exists(path)):
        _extract(archive, "tar" if untar else archive_format)
    return path


def _extract(archive: str, formats: str | Sequence[str] | None) -> None:
    """Extract an archive into its folder, next to what is there."""
    folder = os.path.dirname(archive)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        members = os.path.join(temporary, "members")
        unpack(archive, members, formats, download.MAX_BYTES)
        shutil.copytree(members, folder, dirs_exist_ok=True, copy_function=os.replace)
