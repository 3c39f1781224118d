"""RemoteMonitor, beside a server."""

import http.server
import json
import threading
import urllib.parse

import pytest
from callback_runs import fit, made

from gazelle import callbacks


@pytest.fixture
def server():
    got = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            got.append((self.path, self.headers["Content-Type"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}", got
        listening.shutdown()
        thread.join()


@pytest.mark.parametrize("as_json", [False, True])
def test_remote_monitor(server, as_json):
    root, got = server
    history = fit(made(), [callbacks.RemoteMonitor(root, path="/here/", field="logs", send_as_json=as_json)])
    assert [path for path, _, _ in got] == ["/here/"] * 2
    body = got[1][2] if as_json else urllib.parse.parse_qs(got[1][2])["logs"][0]
    assert json.loads(body)["epoch"] == 1
    assert json.loads(body)["loss"] == pytest.approx(history.history["loss"][1])


def test_remote_monitor_without_a_server():
    with pytest.warns(UserWarning, match=r"RemoteMonitor could not reach http://127.0.0.1:9"):
        callbacks.RemoteMonitor("http://127.0.0.1:9").on_epoch_end(0, {"loss": 1.0})
