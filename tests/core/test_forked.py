"""After os.fork the threads of JAX are gone: computations are refused instead of never ending."""

import os
import signal

import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.core.errors import StateError

X, Y = np.ones((4, 3), np.float32), np.ones((4, 1), np.float32)

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork"),
    pytest.mark.filterwarnings("ignore:.*fork"),
]


def _in_a_fork(call):
    """What a StateError in a child process says; "late" for a child that does not end, "" for no error."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        said = ""
        try:
            call()
        except StateError as error:
            said = str(error)
        except BaseException as error:
            said = repr(error)
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        said = pipe.read().decode()
    return said if os.waitpid(child, 0)[1] == 0 else "late"


@pytest.fixture(scope="module")
def model():
    net = gazelle.Sequential([gazelle.Input((3,)), layers.Dense(1, name="scores")], name="net")
    net.compile("sgd", "mse")
    net.fit(X, Y, verbose=0, keep=False)
    for _ in range(2):
        net.predict(X, verbose=0), net.train_on_batch(X, Y)
    return net


@pytest.mark.parametrize(
    ("what", "call"),
    [
        ("fit of 'net' was called", lambda net: net.fit(X, Y, verbose=0, keep=False)),
        ("evaluate of 'net' was called", lambda net: net.evaluate(X, Y, verbose=0)),
        ("predict of 'net' was called", lambda net: net.predict(X, verbose=0)),
        ("predict of 'net' was called", lambda net: net.predict_on_batch(X)),
        ("train_on_batch of 'net' was called", lambda net: net.train_on_batch(X, Y)),
        ("Sequential 'net' was called", lambda net: net(X)),
        ("An array was made", lambda net: layers.Dense(2).build((None, 3))),
    ],
)
def test_computations_in_a_fork_are_refused(model, what, call):
    said = _in_a_fork(lambda: call(model))
    assert said.startswith(f"{what} in a process that os.fork made after JAX had started"), said
    assert "multiprocessing.get_context('spawn')" in said
    assert np.isfinite(model.predict(X, verbose=0)).all()  # the parent goes on
