"""Programs for Python 2, which are converted; what they print is what Python 2.7 printed."""

import pathlib
import pickle
import sys

import numpy as np
import pytest

from gazelle.compat import python2
from gazelle.compat.python2 import functions
from gazelle.compat.python2.detection import first_import_of_neighbor
from gazelle.compat.source import detect
from gazelle.compat.source.signs import signs
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
        ("path = 'C:\\Users\\me'", None),
        ("path = 'C:\\Users\\me'\nprint path", "print"),
        ("x = 010", None),
        ("x = 010\nprint x", "print"),
        ("agent = Agent(0.001, 0.05)›", None),
        ("os.mkdir(path, 0755)", None),
        ("for k in d.iteritems(): pass", "iteritems"),
        ("import pandas\nfor k in frame.iteritems(): pass", None),
        ("import six\nfor k in six.iteritems(d): pass", None),
        ("# from six.moves import cPickle\nimport cPickle  # not six", "cPickle"),
        ("if True:\n        a = 1\n\tb = 2", None),
        ("if True:\n        a = 1\n\tprint a", "print"),
        ("try: xrange\nexcept NameError: xrange = range", None),
        ("def xrange(n): return range(n)\nxrange(3)", None),
        ("codes = map(ord, text) + [0]", "map"),
        ("first = zip(*pairs)[0]", "zip"),
        ("n = range(3)[0]", None),
        ("def map(f, x): return [f(v) for v in x]\nmap(ord, text) + [0]", None),
        ("from multiprocessing import Queue\nQueue()", None),
        ("def words(x): return re.sub(ur'[^a-z]', '', x)", "syntax"),
        ("text = `3`", "syntax"),
        ("import sys\nif sys.version_info[0] < 3: text = unicode(text)", None),
        ("import sys\nif sys.version_info[0] < 3: import cPickle", None),
        ("import sys, cPickle\nif sys.version_info[0] < 3: text = unicode(text)", "cPickle"),
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


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("from __future__ import division", 3.5),
        ("from __future__ import print_function, division", 3.5),
        ("from __future__ import (print_function,\n    division)", 3.5),
        ("pass  # from __future__ import division", 3.5),  # in a notebook
        ("# from __future__ import division", 3),
        ("from __future__ import print_function  # not division", 3),
    ],
)
def test_true_division_of_the_future(line, expected):
    assert run(f'"""Text."""\n{line}\nx = 7 / 2\nn = unicode(x)')["x"] == expected


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


def test_the_kernel_of_a_notebook(tmp_path):
    book = tmp_path / "book.ipynb"
    for version, line in (("2.7.12", 1), ("3.6.1", None)):
        book.write_text(f'{{"cells": [], "metadata": {{"language_info": {{"version": "{version}"}}}}}}')
        sign = python2.sign_of_notebook(book)
        assert (sign and sign.line) == line


def test_built_in_functions(capsys):
    run(
        """
print cmp(1, 2), sorted([3, 1, 2], lambda a, b: cmp(b, a)), round(2.5), round(-0.5), round(3.14159, 2)
print map(None, [1, 2], [3]), map(lambda a, b: (a, b), "xy", [1]), filter(lambda c: c != "a", "banana"),
print filter(None, (0, 1))
values = [3, 1, 2]
values.sort(lambda a, b: b - a)
print values
def sorted(values): return "of the program"
print sorted([2, 1])
"""
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "-1 [3, 2, 1] 3.0 -1.0 3.14"
    assert lines[1] == "[(1, 3), (2, None)] [('x', 1), ('y', None)] bnn (1,)"
    assert lines[2:] == ["[3, 2, 1]", "of the program"]


def test_variables_of_lists_and_handlers(capsys):
    run(
        """
x = 5
squares = [x * x for x in range(3) if x]
print x, squares
def last():
    pairs = [(a, b) for a, b in [(1, 2), (3, 4)]]
    return a, b, pairs
print last(), [x for x in "ab"], list(x for x in "cd"), x
try:
    raise ValueError("bad")
except ValueError, error:
    pass
print error, error.message
y = 0
rows = {y: [y for y in "ab"] for y in "c"}, [z for z in [y for y in "de"]], [[y for y in row] for row in "f"]
print y, rows
class Half(object):
    def __div__(self, other): return "half"
print Half() / 2
"""
    )
    assert capsys.readouterr().out == (
        "2 [1, 4]\n(3, 4, [(1, 2), (3, 4)]) ['a', 'b'] ['c', 'd'] b\nbad bad\n"
        "f ({'c': ['a', 'b']}, ['d', 'e'], [['f']])\nhalf\n"
    )


def test_strings_and_bytes(capsys, tmp_path):
    path = str(tmp_path / "a.txt")
    run(
        f"""
import numpy as np, re
print "ab".encode("hex"), "6162".decode("hex"), u"a".encode("utf-8") + "b", unicode("a", "utf-8")
print "a,b".translate(None, ","), np.array(["a", "b"], dtype="S1") == "a",
print np.frombuffer(np.uint8([1, 2]).tostring(), np.uint8)
print re.split("(\\W+)?", "Bob went."), re.split(" ", "a b c", 1)
file({path!r}, "wb").write("x\xff".encode("latin1"))
text = open({path!r}).read()
open({path!r}, "w").write(text + u"\xe9".encode("utf-8"))
"""
    )
    assert capsys.readouterr().out.splitlines() == [
        "6162 ab ab a",
        "ab [ True False] [1 2]",
        "['Bob', ' ', 'went', '.', ''] ['a', 'b c']",
    ]
    assert (tmp_path / "a.txt").read_bytes() == b"x\xff\xc3\xa9"


def test_methods_that_arrays_had(capsys):
    run(
        """
import numpy as np
a = np.arange(6.0).reshape(2, 3)
a.itemset(1, 9.0); a.itemset((1, 2), 7.0); a.itemset(0, 0, 5.0)
print a.tolist(), a.ptp(), a.ptp(axis=1).tolist()
print np.array([1, 256], ">i2").newbyteorder().tolist(), np.dtype("i2").newbyteorder("<").itemsize
"""
    )
    assert capsys.readouterr().out == "[[5.0, 9.0, 2.0], [3.0, 4.0, 7.0]] 7.0 [7.0, 4.0]\n[256, 1] 2\n"


def test_lines_and_arguments_stay():
    source = """
import numpy as np
first = np.sort(np.array([2, 1])).tolist(), intern("a"), reduce(lambda a, b: a + b, [1, 2])
print "a"
last = 1 / 0
"""
    with pytest.raises(ZeroDivisionError) as error:
        run(source)
    assert error.traceback[-2].lineno == 4
    assert run(source.replace("1 / 0", "'C:\\\\Users'"))["first"] == ([1, 2], "a", 3)


def test_numbers_of_the_module_random():
    variables = run(
        """
import random
from random import choice
random.seed(0)
numbers = [random.randint(1, 100) for i in xrange(5)]
random.seed(0)
letter = choice("abcdefghij")
generator = random.Random(0)
few, one, all = generator.sample(xrange(1000), 3), random.sample({7}, 1), random.sample([1, 2, 3], 3)
random.shuffle(all, lambda: 0.0)
"""
    )
    assert variables["numbers"] == [85, 76, 43, 26, 52]
    assert variables["letter"] == "i"
    assert variables["few"] == [844, 757, 420]
    assert variables["one"] == [7]
    assert sorted(variables["all"]) == [1, 2, 3]
    with pytest.raises(ValueError, match=r"sample: k is 3, and the population has 2 elements"):
        run("import random\nrandom.sample([1, 2], 3L)")


def test_files_are_closed_at_once(tmp_path):
    path = str(tmp_path / "a")
    variables = run(
        f"""
import cPickle, gzip
from cPickle import load
cPickle.dump([1], open({path!r}, "wb"))
one = load(open({path!r}))
cPickle.Pickler(open({path!r}, "w")).dump([2])
two = cPickle.Unpickler(open({path!r})).load()
gzip.open({path!r}, "w").write("a")
text = gzip.open({path!r}).read()
with open({path!r}, "w+b") as file: file.write("b")
"""
    )
    assert (variables["one"], variables["two"], variables["text"]) == ([1], [2], b"a")
    assert (tmp_path / "a").read_bytes() == b"b"


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
    found, roots = signs("from keras.models import Sequential\nprint 'a'\nmodel.fit(x, y, nb_epoch=1)")
    assert detect.decide(found, roots).number == 1
    found, roots = signs("from keras.models import Sequential\nprint 'a'")
    assert detect.decide(found, roots).number == 2


def test_names_of_a_module_are_no_sign_in_a_program_for_python_3(tmp_path):
    (tmp_path / "texts.py").write_text("def text(x, old=False):\n    return unicode(x) if old else str(x)\n")
    (tmp_path / "printed.py").write_text("print 1 / 2\n")
    assert python2.first_sign((tmp_path / "texts.py").read_text(), by_names=False) is None
    signs = []
    for of_2, found in ((False, ["printed"]), (True, ["texts", "printed"])):
        signs.clear()
        finder = python2.Modules(str(tmp_path), of_2, lambda file, sign: signs.append(pathlib.Path(file).stem))
        for name in ("texts", "printed"):
            finder.find_spec(name, [str(tmp_path)])
        assert signs == found
    assert python2.first_sign("is_py2 = False\nif is_py2: x = unicode(x)") is None


def test_packages_that_import_their_modules_by_name(tmp_path, monkeypatch):
    """Python 2 looked next to the importing module first; no other sign of Python 2 is needed."""
    package = tmp_path / "words_of_2"
    package.mkdir()
    (package / "__init__.py").write_text("from tokens_of_2 import half\nimport json\n")
    (package / "tokens_of_2.py").write_text("import words_next\nhalf = words_next.width / 2\n")
    (package / "words_next.py").write_text("width = 7\n")
    signs = []
    finder = python2.Modules(str(tmp_path), False, lambda file, sign: signs.append(sign.what))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    import words_of_2

    program = "import keras, words_of_2"
    assert detect.detect(str(tmp_path / "program.py"), program).number == 2
    (package / "__init__.py").write_text("from words_of_2.tokens_of_2 import half")
    assert detect.detect(str(tmp_path / "program.py"), program).number == 3
    assert words_of_2.half == 3
    assert signs == ["import tokens_of_2", "import words_next"]


def test_files_and_texts_that_a_program_runs(tmp_path, capsys):
    (tmp_path / "settings.py").write_text("width = 7 / 2\nprint 'read', width\n")
    source = f"execfile({str(tmp_path / 'settings.py')!r})\nexec 'depth = width / 2; print depth'\nprint width, depth"
    found = run(source)
    assert capsys.readouterr().out == "read 3\n1\n3 1\n"
    assert (found["width"], found["depth"]) == (3, 1)
    inside = run("names = {}\nexec 'a = 1' in names\ndef f():\n    exec 'print 2'\nf()\nprint names['a']")
    assert inside["names"]["a"] == 1
    assert capsys.readouterr().out == "2\n1\n"


def test_elements_of_several_kinds_have_an_order():
    source = """
        a = sorted([3, None, 1.5])
        b = ['x', 2, None, u'a']
        b.sort()
        c = sorted([(2, 'b'), (None, 'a')], reverse=True)
        d = cmp(None, 0), cmp('a', 5), cmp(1, 1)
        e = [ord(c) for c in b'ab'] + [ord('c')]
    """
    found = run("\n".join(line.strip() for line in source.splitlines()) + "\nprint 1")
    assert found["a"] == [None, 1.5, 3]
    assert found["b"] == [None, 2, "a", "x"]
    assert found["c"] == [(2, "b"), (None, "a")]
    assert found["d"] == (-1, 1, 0)
    assert found["e"] == [97, 98, 99]


@pytest.mark.parametrize("line", ["import near", "from near import x"])
def test_imports_that_may_not_run_are_no_sign(tmp_path, line):
    (tmp_path / "near.py").write_text("x = 1")
    assert first_import_of_neighbor(line, str(tmp_path)) == (1, "import near")
    for block in ("def f():", "if False:", "try:"):  # of an optional package that has the name of a module
        source = f"{block}\n    {line}\n" + "except ImportError:\n    pass" * block.startswith("try")
        assert first_import_of_neighbor(source, str(tmp_path)) is None
    for of_python_3 in ("def f(a: int): pass", "def f(*, a): pass", "x: int = 1", "y = f'{1}'", "from .near import x"):
        assert first_import_of_neighbor(f"{line}\n{of_python_3}", str(tmp_path)) is None


def test_the_import_of_a_package_named_as_the_module_is_no_sign(tmp_path):
    (tmp_path / "near.py").write_text("from near.parts import x")
    assert first_import_of_neighbor("from near.parts import x", str(tmp_path), "near") is None
    assert first_import_of_neighbor("import near", str(tmp_path), "other") == (1, "import near")


def test_imports_from_folders_of_the_path_are_no_sign(tmp_path):
    """Python 3, too, finds modules next to the program, which may be in a package, and in folders that it adds."""
    for folder in (tmp_path, tmp_path / "parts"):
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
    (tmp_path / "near.py").write_text("x = 1")
    (tmp_path / "parts" / "first.py").write_text("import second_of_parts")
    (tmp_path / "parts" / "second_of_parts.py").write_text("x = 1")
    program = str(tmp_path / "program.py")
    assert detect.detect(program, "import keras, near").number == 3
    assert detect.detect(program, "import keras, sys; sys.path.append('parts'); from parts import first").number == 3
    assert detect.detect(program, "import keras; from parts import first").number == 2
