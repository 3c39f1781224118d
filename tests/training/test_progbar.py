"""The progress bar for custom loops."""

import pytest

from gazelle.utils import Progbar


def test_one_line_at_the_end(capsys):
    bar = Progbar(4, verbose=2, unit_name="image")
    for i in range(4):
        assert capsys.readouterr().out == ""
        bar.add(1, [("loss", float(i)), ("small", 1e-5)])
    out = capsys.readouterr().out
    assert out.startswith("4/4 - 0s - ")
    assert out.endswith("/image - loss: 3.0000 - small: 1.0000e-05\n")


def test_means_over_steps_and_numbers_as_they_are(capsys):
    bar = Progbar(10, interval=0, stateful_metrics=["rate"])
    bar.update(2, [("loss", 1.0), ("rate", 5.0)])
    bar.update(3, [("loss", 4.0), ("rate", 7.0)])
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.endswith("loss: 2.0000 - rate: 7.0000")
    assert last.startswith("3/10 ━━━━━━──────────────")
    bar = Progbar(None, interval=0, stateless_metrics=["loss"])
    bar.update(1, [("loss", 1.0), ("rate", 5.0)])
    bar.update(2, [("loss", 3.0), ("rate", 7.0)])
    assert capsys.readouterr().out.splitlines()[-1].endswith("loss: 2.0000 - rate: 7.0000")
    bar.update(2, finalize=True)
    assert "2/Unknown" in capsys.readouterr().out


def test_silent_and_seldom(capsys):
    bar = Progbar(3, verbose=0)
    bar.add(3)
    assert capsys.readouterr().out == ""
    bar = Progbar(1000, interval=60)
    for _ in range(10):
        bar.add(1)
    assert len(capsys.readouterr().out.splitlines()) == 1
    with pytest.raises(ValueError, match="expected stateful_metrics or stateless_metrics, got both"):
        Progbar(1, stateful_metrics=["a"], stateless_metrics=["b"])
