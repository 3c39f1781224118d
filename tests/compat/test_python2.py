"""Programs for Python 2, which are converted; what they print is what Python 2.7 printed."""

import pickle
import sys

import numpy as np
import pytest

from gazelle.compat import detect, python2
from gazelle.compat.python2 import functions
from gazelle.core.errors import StateError

pytest.importorskip("fissix")


def run(source):
    variables = {}
    exec(python2.compiled(source, "program.py"), variables)
    return variables


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("print 'loss', loss", "print"),
        ("print", None),
        ("exec 'x = 1'", "exec"),
        ("x = 1 <> 2", "invalid syntax"),
        ("try: pass\nexcept ValueError, error: pass", "multiple exception types must be parenthesized"),
        ("def f(a, (b, c)): pass", "Function parameters cannot be parenthesized"),
        ("for i in xrange(3): pass", "xrange"),
        ("import urllib2", "urllib2"),
        ("from StringIO import StringIO", "StringIO"),
        ("if True:\n        a = 1\n\tb = 2", "inconsistent use of tabs and spaces in indentation"),
        ("try: xrange\nexcept NameError: xrange = range", None),
        ("def xrange(n): return range(n)\nxrange(3)", None),
        ("from multiprocessing import Queue\nQueue()", None),
        ("import sys\nif sys.version_info[0] < 3: text = unicode(text)", None),
        ("'''\nprint 1\n'''\nx = (1", None),
    ],
)
def test_signs(source, what):
    sign = python2.first_sign(source)
    assert what is None if sign is None else what in sign.what


def test_division():
    variables = run(
        """
import numpy as np
a, b, c, d = 7 / 2, -7 / 2, 7 / 2.0, np.arange(4) / 2
e, f = np.arange(4.0), 7
same = e
e /= 2
f /= 2
values = [6, 7]
values[1] /= 2
for i in xrange(1): pass
"""
    )
    assert [variables[name] for name in "abcf"] == [3, -4, 3.5, 3]
    assert variables["d"].tolist() == [0, 0, 1, 1]
    assert variables["same"] is variables["e"]
    assert variables["e"].tolist() == [0, 0.5, 1, 1.5]
    assert variables["values"] == [6, 3]


def test_true_division_of_the_future():
    source = '"""Text."""\nfrom __future__ import division\nx = 7 / 2\nn = unicode(x)'
    assert run(source)["x"] == 3.5
    assert run("pass  # from __future__ import division\nx = 7 / 2\nn = unicode(x)")["x"] == 3.5  # in a notebook


def test_arrays_are_integers_by_their_dtype():
    assert functions.divide(np.int32(7), 2) == 3
    assert functions.divide(np.array([7.0]), 2).tolist() == [3.5]
    with pytest.raises(TypeError, match=r"unsupported operand"):
        functions.divide("a", 2)


def test_syntax_and_names(capsys):
    run(
        """
import sys
d = {'a': 1}
print d.has_key('a'), d.items(), map(lambda (a, b): a + b, zip([1], [2]))
print >>sys.stdout, "to a file",
print unicode(3), long(2) + 0777, `d`
try:
    raise ValueError, "bad"
except ValueError, error:
    print error
"""
    )
    assert capsys.readouterr().out == "True [('a', 1)] [3]\nto a file 3 513 {'a': 1}\nbad\n"


def test_files(tmp_path):
    old = tmp_path / "old.pkl"
    old.write_bytes(b"\x80\x02}U\x01aU\x02\xe9\xffs.")  # {"a": "\xe9\xff"} of Python 2
    variables = run(
        f"""
import cPickle as pickle, csv
old = pickle.load(open({str(old)!r}))
pickle.dump([1], open({str(tmp_path / "new.pkl")!r}, "w"))
with open({str(tmp_path / "a.csv")!r}, "wb") as file:
    csv.writer(file).writerow(["a", 1])
rows = list(csv.reader(open({str(tmp_path / "a.csv")!r}, "rbU")))
text = "a".decode("utf8") + u"b"
"""
    )
    assert variables["old"] == {"a": "\xe9\xff"}
    assert pickle.loads((tmp_path / "new.pkl").read_bytes()) == [1]
    assert variables["rows"] == [["a", "1"]]
    assert variables["text"] == "ab"


def test_errors_of_neither_version():
    with pytest.raises(SyntaxError, match=r"Missing parentheses"):
        python2.python_3("print 'a'\nx = (1")


def test_without_fissix(monkeypatch):
    from gazelle.compat.python2 import conversion

    conversion._tool.cache_clear()
    monkeypatch.setitem(sys.modules, "fissix", None)
    with pytest.raises(StateError, match=r"(?s)written for Python 2: expected the package fissix.*gazelle\[python2\]"):
        python2.python_3("print 'without'")
    conversion._tool.cache_clear()


def test_the_era():
    found, roots = detect.signs("from keras.models import Sequential\nprint 'a'\nmodel.fit(x, y, nb_epoch=1)")
    assert detect.decide(found, roots).number == 1
    found, roots = detect.signs("from keras.models import Sequential\nprint 'a'")
    assert detect.decide(found, roots).number == 2
