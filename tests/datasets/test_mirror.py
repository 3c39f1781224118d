"""Downloads from a mirror, and what is said where there is no network."""

import functools
import hashlib
import http.server
import socket
import threading

import numpy as np
import pytest

from gazelle import datasets
from gazelle.applications import build_model, imagenet_utils
from gazelle.datasets import sources
from gazelle.datasets.download import MIRROR, DownloadError, get_file

CONTENT = b"the content of a file"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.SimpleHTTPRequestHandler):
    """A server of a folder; a file named `short` ends early."""

    def log_message(self, *args):
        pass

    def do_GET(self):
        if self.path.endswith("short"):
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(CONTENT)
        else:
            super().do_GET()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """(URL, folder) of a running server."""
    folder = tmp_path_factory.mktemp("served")
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}", folder
    running.shutdown()
    running.server_close()


@pytest.fixture
def nowhere():
    """A URL at which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")


def store(folder, origin, content=CONTENT):
    """Put a file where a mirror in this folder has it."""
    path = folder / origin.partition("://")[2]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.mark.parametrize("as_folder", [False, True])
def test_the_mirror_is_tried_first(server, nowhere, as_folder, monkeypatch):
    url, folder = server
    monkeypatch.setenv(MIRROR, str(folder) if as_folder else url)
    store(folder, f"{nowhere}/files/a.txt")
    with open(get_file(origin=f"{nowhere}/files/a.txt", file_hash=DIGEST), "rb") as file:
        assert file.read() == CONTENT


def test_what_the_mirror_lacks_is_read_from_the_origin(server, monkeypatch):
    url, folder = server
    (folder / "b.txt").write_bytes(CONTENT)
    monkeypatch.setenv(MIRROR, f"{url}/empty/")
    with open(get_file(origin=f"{url}/b.txt", file_hash=DIGEST), "rb") as file:
        assert file.read() == CONTENT


def test_a_mirror_with_another_file_is_refused(server, nowhere, monkeypatch):
    url, folder = server
    monkeypatch.setenv(MIRROR, url)
    store(folder, f"{nowhere}/c.txt", b"another")
    with pytest.raises(ValueError, match="is not the expected file: expected the hash"):
        get_file(origin=f"{nowhere}/c.txt", file_hash=DIGEST)


def test_all_addresses_are_named(server, nowhere, monkeypatch, tmp_path):
    monkeypatch.setenv(MIRROR, server[0])
    with pytest.raises(DownloadError, match=r"d.txt cannot be downloaded from http://127") as caught:
        get_file(origin=f"{nowhere}/d.txt", file_hash=DIGEST)
    text = str(caught.value)
    assert f"HTTP Error 404: File not found from {server[0]}/{nowhere[7:]}/d.txt; [Errno" in text
    assert text.endswith(f"save it as {tmp_path / 'cache' / 'datasets' / 'd.txt'}.")
    assert list((tmp_path / "cache" / "datasets").iterdir()) == []


def test_a_download_that_ends_early_is_told(server):
    with pytest.raises(DownloadError, match="the connection ended 979 bytes early"):
        get_file(origin=f"{server[0]}/short", file_hash=DIGEST)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "imdb", "reuters", "california_housing"])
def test_datasets_state_it_in_one_sentence(name, nowhere, monkeypatch):
    files = {key: (f"{nowhere}/{key}", digest, folder) for key, (_, digest, folder) in sources.FILES.items()}
    monkeypatch.setattr(sources, "FILES", files)
    with pytest.raises(DownloadError, match=r"cannot be downloaded from .*: got \[Errno") as caught:
        getattr(datasets, name).load_data()
    assert caught.value.__cause__ is None
    assert MIRROR in str(caught.value)


def test_weights_and_names_of_classes_are_read_from_the_mirror(server, monkeypatch):
    monkeypatch.setenv(MIRROR, server[0])
    address = build_model.SITE + "a.h5"
    store(server[1], address)
    with open(build_model._fetched(build_model.File("a.h5", address, DIGEST)), "rb") as file:
        assert file.read() == CONTENT
    store(server[1], imagenet_utils._CLASSES)
    with pytest.raises(ValueError, match=rf"The file from '{server[0]}/.*class_index.json' is not the expected file"):
        imagenet_utils.decode_predictions(np.zeros((1, 1000)))
