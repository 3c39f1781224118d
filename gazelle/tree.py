"""Operations on nested lists, tuples, deques and dicts: `flatten`, `map_structure`, `pack_sequence_as` ...

Input: nested structures. Output: leaves, or the same structure with other leaves. Must import only core.

A dict is read in the order of its sorted keys (in insertion order if they cannot be sorted), an OrderedDict in its own
order. None is a leaf, and so is every value that is no list, tuple, namedtuple, deque or dict.
"""

# Not built on jax.tree or optree: both take subclasses of dict for leaves, jax.tree deques too, and it refuses keys
# that cannot be sorted. optree adds 35 ms to the import, and its errors do not name the path.

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from gazelle.core.errors import ArgumentError, ArgumentTypeError, message
from gazelle.core.module_names import public_names
from gazelle.core.types import Nested, Tree

__all__ = [
    "MAP_TO_NONE",
    "assert_same_paths",
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_shape_structure",
    "map_structure",
    "map_structure_up_to",
    "pack_sequence_as",
    "traverse",
]


class MAP_TO_NONE:
    """Returned by a function given to `traverse` to replace a node by None; None itself leaves the node unchanged."""


def is_nested(structure: object) -> bool:
    """Return whether a value is a list, tuple, deque or dict.

    Args:
        structure: Any value.

    Returns:
        A boolean.

    Example:
        >>> tree.is_nested((1, 2)), tree.is_nested("text")
        (True, False)
    """
    return isinstance(structure, (list, tuple, dict, deque))


def flatten(structure: Nested[Any]) -> list[Any]:
    """Return the leaves of a structure, those of dicts in the order of sorted keys.

    Args:
        structure: Leaves in lists, tuples, dicts and deques.

    Returns:
        The leaves.

    Example:
        >>> tree.flatten({"b": [1, (2, 3)], "a": None})
        [None, 1, 2, 3]
    """
    return [leaf for _, leaf in flatten_with_path(structure)]


def flatten_with_path(structure: Nested[Any]) -> list[tuple[tuple[Any, ...], Any]]:
    """Return the leaves of a structure with their paths.

    Args:
        structure: Leaves in lists, tuples, dicts and deques.

    Returns:
        (path, leaf) pairs; a path holds the indices and keys that lead to the leaf.

    Example:
        >>> tree.flatten_with_path([{"foo": 42}])
        [((0, 'foo'), 42)]
    """
    return list(_walk(structure, ()))


def _walk(structure: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if not is_nested(structure):
        yield path, structure
        return
    for key, child in zip(_keys(structure), _children(structure), strict=True):
        yield from _walk(child, (*path, key))


def _keys(structure: Any) -> list[Any]:
    if isinstance(structure, OrderedDict):
        return list(structure)
    if isinstance(structure, dict):
        try:
            return sorted(structure)
        except TypeError:  # keys of several kinds
            return list(structure)
    return list(range(len(structure)))


def _children(structure: Any) -> list[Any]:
    return [structure[key] for key in _keys(structure)] if isinstance(structure, dict) else list(structure)


def _made(structure: Any, children: list[Any]) -> Any:
    """A container like `structure` with other children."""
    if isinstance(structure, dict):
        pairs = dict(zip(_keys(structure), children, strict=True))
        ordered = {key: pairs[key] for key in structure}  # the order of keys stays
        if isinstance(structure, defaultdict):
            return defaultdict(structure.default_factory, ordered)
        return type(structure)(ordered) if type(structure) in (dict, OrderedDict) else ordered
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*children)
    if isinstance(structure, deque):
        return deque(children, structure.maxlen)
    return tuple(children) if isinstance(structure, tuple) else list(children)


def map_structure(func: Callable[..., Any], *structures: Nested[Any], none_is_leaf: bool = True) -> Tree:
    """Call a function on the leaves of one structure, or on the corresponding leaves of several.

    Args:
        func: Function of as many leaves as there are structures.
        *structures: Structures of equal nesting.
        none_is_leaf: Whether `func` is called on None; if not, None stays None.

    Returns:
        A structure of the same nesting that holds the results.

    Raises:
        ArgumentError: If there is no structure, or structures differ.

    Example:
        >>> tree.map_structure(lambda a, b: a + b, [1, (2,)], [10, (20,)])
        [11, (22,)]
    """
    if not callable(func):
        raise ArgumentTypeError(message("func", expected="a function", got=repr(func)))
    if not structures:
        raise ArgumentError(message("map_structure", expected="at least one structure", got="none"))
    first, *others = structures

    def go(at: tuple[Any, ...], node: Any, rest: list[Any]) -> Any:
        if node is None and not none_is_leaf and all(r is None for r in rest):
            return None
        for other in rest:
            _check_alike(at, node, other)
        if not is_nested(node):
            return func(node, *rest)
        columns = [_children(other) for other in rest]
        keys, children = _keys(node), _children(node)
        made = [go((*at, k), c, [col[i] for col in columns]) for i, (k, c) in enumerate(zip(keys, children))]
        return _made(node, made)

    return go((), first, others)


def _kind(structure: Any) -> Any:
    return dict if isinstance(structure, dict) else type(structure) if is_nested(structure) else None


def _check_alike(at: tuple[Any, ...], a: Any, b: Any) -> None:
    same = _kind(a) is _kind(b)
    if same and is_nested(a):
        same = set(a) == set(b) if isinstance(a, dict) else len(a) == len(b)
    if not same:
        where = "".join(f"[{key!r}]" for key in at) or "the top"
        raise ArgumentError(message(f"The structures differ at {where}", expected=_shown(a), got=_shown(b)))


def _shown(structure: Any) -> str:
    if isinstance(structure, dict):
        return f"a dict with keys {_keys(structure)}"
    return f"a {type(structure).__name__} of {len(structure)}" if is_nested(structure) else "a leaf"


def map_structure_up_to(shallow_structure: Nested[Any], func: Callable[..., Any], *structures: Nested[Any]) -> Tree:
    """Call a function at the leaves of a shallow structure.

    Args:
        shallow_structure: Structure that determines the nesting of the result.
        func: Function of as many values as there are structures; it receives what is nested deeper as a whole.
        *structures: Structures that begin with the nesting of `shallow_structure`.

    Returns:
        A structure of the nesting of `shallow_structure` that holds the results.

    Raises:
        ArgumentError: If there is no structure, or structures differ.

    Example:
        >>> tree.map_structure_up_to([None, None], len, [[1, 2], [3]])
        [2, 1]
    """
    if not structures:
        raise ArgumentError(message("map_structure_up_to", expected="at least one structure", got="none"))

    def go(at: tuple[Any, ...], node: Any, rest: list[Any]) -> Any:
        if not is_nested(node):
            return func(*rest)
        for other in rest:
            _check_alike(at, node, other)
        columns = [_children(other) for other in rest]
        pairs = enumerate(zip(_keys(node), _children(node)))
        return _made(node, [go((*at, k), c, [col[i] for col in columns]) for i, (k, c) in pairs])

    return go((), shallow_structure, list(structures))


def traverse(func: Callable[[Any], Any], structure: Nested[Any], top_down: bool = True) -> Tree:
    """Call a function on every node of a structure and replace the nodes it returns a value for.

    Args:
        func: Function of a leaf or a container; None leaves the node as it is, `MAP_TO_NONE` replaces it by None.
        structure: Leaves in lists, tuples, dicts and deques.
        top_down: Whether containers are visited before their children; those of a replaced container are not visited.

    Returns:
        The structure with replaced nodes.

    Example:
        >>> tree.traverse(lambda part: tuple(part) if isinstance(part, list) else None, [[1], 2], top_down=False)
        ((1,), 2)
    """
    if not callable(func):
        raise ArgumentTypeError(message("func", expected="a function", got=repr(func)))

    def below(node: Any) -> Any:
        if not is_nested(node):
            return node
        return _made(node, [traverse(func, child, top_down) for child in _children(node)])

    node = structure if top_down else below(structure)
    out = func(node)
    if out is MAP_TO_NONE or isinstance(out, MAP_TO_NONE):
        return None
    if out is not None:
        return out
    return below(node) if top_down else node


def pack_sequence_as(structure: Nested[Any], flat_sequence: Iterable[Any]) -> Tree:
    """Return a structure with new leaves.

    Args:
        structure: Leaves in lists, tuples, dicts and deques.
        flat_sequence: Leaves, in the order of `flatten`.

    Returns:
        A structure of the nesting of `structure`.

    Raises:
        ArgumentError: If the number of leaves differs.

    Example:
        >>> tree.pack_sequence_as({"b": [0, 0], "a": 0}, [1, 2, 3])
        {'b': [2, 3], 'a': 1}
    """
    leaves, count = list(flat_sequence), len(flatten(structure))
    if len(leaves) != count:
        raise ArgumentError(message("pack_sequence_as", expected=f"{count} leaves", got=len(leaves)))
    rest = iter(leaves)

    def go(node: Any) -> Any:
        return _made(node, [go(child) for child in _children(node)]) if is_nested(node) else next(rest)

    return go(structure)


def assert_same_structure(a: Nested[Any], b: Nested[Any], check_types: bool | None = None) -> None:
    """Raise an error unless two structures have the same nesting; all kinds of dicts count as equal.

    Args:
        a: A structure.
        b: A structure.
        check_types: Accepted for compatibility and ignored.

    Raises:
        ArgumentError: If the structures differ.

    Example:
        >>> tree.assert_same_structure([1, {"a": 2}], [3, {"a": 4}])
    """
    map_structure(lambda *_: None, a, b)


def assert_same_paths(a: Nested[Any], b: Nested[Any]) -> None:
    """Raise an error unless the same paths lead to leaves in both structures; lists and tuples count as equal.

    Args:
        a: A structure.
        b: A structure.

    Raises:
        ArgumentError: If the paths differ.

    Example:
        >>> tree.assert_same_paths([1, (2,)], (3, [4]))
    """
    left, right = ({path for path, _ in flatten_with_path(s)} for s in (a, b))
    if left != right:
        only = [
            f"{name} alone has {sorted(paths, key=repr)}"
            for name, paths in (("a", left - right), ("b", right - left))
            if paths
        ]
        raise ArgumentError(message("The structures have other paths", got="; ".join(only)))


def lists_to_tuples(structure: Nested[Any]) -> Tree:
    """Return a structure with tuples in place of lists.

    Args:
        structure: Leaves in lists, tuples, dicts and deques.

    Returns:
        The new structure.

    Example:
        >>> tree.lists_to_tuples([1, [2]])
        (1, (2,))
    """
    return traverse(lambda part: tuple(part) if isinstance(part, list) else None, structure, top_down=False)


def map_shape_structure(func: Callable[[Any], Any], structure: Nested[Any]) -> Tree:
    """Call a function on the shapes in a structure: a list or tuple of integers and None is one leaf.

    Args:
        func: Function of a shape.
        structure: Shapes in lists, tuples and dicts.

    Returns:
        A structure of the same nesting that holds the results.

    Example:
        >>> tree.map_shape_structure(len, [(2, None), (3,)])
        [2, 1]
    """

    def go(node: Any) -> Any:
        shape = isinstance(node, (list, tuple)) and all(n is None or isinstance(n, int) for n in node)
        if shape or not is_nested(node):
            return func(node)
        return _made(node, [go(child) for child in _children(node)])

    return go(structure)


if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
