"""Nested structures against keras.tree."""

from collections import OrderedDict, deque, namedtuple

import keras
import pytest

import gazelle

Pair = namedtuple("Pair", "a b")
TREES = {
    "leaf": 3,
    "none": None,
    "text": "abc",
    "list": [1, 2],
    "empty": [],
    "deep": [1, (2, [3, None]), {"b": 4, "a": (5,)}],
    "dict": {"z": 1, "a": [2, 3], "m": {"k": 4}},
    "ordered": OrderedDict([("z", 1), ("a", 2)]),
    "pair": Pair([1], {"x": 2}),
    "deque": deque([1, (2,)]),
}
CALLS = {
    "is_nested": lambda t, s: t.is_nested(s),
    "flatten": lambda t, s: t.flatten(s),
    "paths": lambda t, s: t.flatten_with_path(s),
    "map": lambda t, s: t.map_structure(lambda v: (v, "seen"), s),
    "map none": lambda t, s: t.map_structure(lambda v: f"<{v}>", s, none_is_leaf=False),
    "map two": lambda t, s: t.map_structure(lambda a, b: [a, b], s, s),
    "pack": lambda t, s: t.pack_sequence_as(s, [f"leaf {i}" for i in range(len(t.flatten(s)))]),
    "tuples": lambda t, s: t.lists_to_tuples(s),
    "down": lambda t, s: t.traverse(lambda v: "cut" if isinstance(v, tuple) else None, s),
    "up": lambda t, s: t.traverse(lambda v: t.MAP_TO_NONE if v == 2 else None, s, top_down=False),
    "up to": lambda t, s: t.map_structure_up_to(s, lambda v: repr(v), s),
    "same": lambda t, s: t.assert_same_structure(s, s),
}


BROKEN = {("none", "up to"), ("deep", "up to")}  # Keras 3.15 takes None for an inner node there


@pytest.mark.parametrize(("name", "call"), [(n, c) for n in TREES for c in CALLS if (n, c) not in BROKEN])
def test_like_keras(name, call):
    mine, theirs = (CALLS[call](module, TREES[name]) for module in (gazelle.tree, keras.tree))
    assert mine == theirs
    assert type(mine) is type(theirs)
    if isinstance(theirs, dict):
        assert list(mine) == list(theirs)


UNLIKE = [([1], (1,)), ([1, 2], [1]), ({"a": 1}, {"b": 1}), ([1], 1), ([[1]], [1]), (Pair(1, 2), (1, 2))]


@pytest.mark.parametrize(("a", "b"), UNLIKE)
def test_refuses_what_keras_refuses(a, b):
    with pytest.raises(ValueError):
        keras.tree.assert_same_structure(a, b)
    with pytest.raises(ValueError, match="The structures differ at"):
        gazelle.tree.assert_same_structure(a, b)


@pytest.mark.parametrize(("a", "b"), [([1, (2,)], (1, [2])), ({"a": 1}, {"b": 1}), ([1], [1, 2]), (Pair(1, 2), [3, 4])])
def test_same_paths(a, b):
    answers = []
    for module in (gazelle.tree, keras.tree):
        try:
            module.assert_same_paths(a, b)
            answers.append("same")
        except ValueError:
            answers.append("other")
    assert answers[0] == answers[1]


def test_shapes_are_leaves():
    shapes = {"a": (2, None), "b": [(3,), [4, 5]]}
    got = [module.map_shape_structure(lambda s: len(s), shapes) for module in (gazelle.tree, keras.tree)]
    assert got[0] == got[1] == {"a": 2, "b": [1, 2]}


def test_pack_says_how_many():
    with pytest.raises(ValueError, match="pack_sequence_as: expected 2 leaves, got 3"):
        gazelle.tree.pack_sequence_as([0, 0], [1, 2, 3])
