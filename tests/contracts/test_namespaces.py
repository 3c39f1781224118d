"""Public namespaces: `__all__` is complete, and completion shows public names only."""

import inspect
import types

import pytest

import gazelle


def namespaces():
    """Return gazelle and the modules in its `__all__`, recursively."""
    found = {}

    def visit(module):
        found[module.__name__] = module
        for name in module.__all__:
            value = getattr(module, name)
            own = isinstance(value, types.ModuleType) and value.__name__.startswith(module.__name__ + ".")
            if own and "__all__" in vars(value):
                visit(value)

    visit(gazelle)
    return found


NAMESPACES = namespaces()
#: the modules of single architectures and data sets define helpers next to their public names
COLLECTING = [name for name in NAMESPACES if not name.startswith(("gazelle.applications.", "gazelle.datasets."))]


@pytest.mark.parametrize("name", NAMESPACES)
def test_names_exist_once(name):
    module = NAMESPACES[name]
    assert len(set(module.__all__)) == len(module.__all__)
    missing = [public for public in module.__all__ if not hasattr(module, public)]
    assert not missing


@pytest.mark.parametrize("name", COLLECTING)
def test_no_public_name_is_left_out(name):
    """Classes and functions that a namespace defines or collects from its own files are in `__all__`."""
    module = NAMESPACES[name]
    own = (name, name + ".")
    left_out = [
        public
        for public, value in vars(module).items()
        if not public.startswith("_")
        and public not in module.__all__
        and (inspect.isclass(value) or inspect.isfunction(value))
        and (value.__module__ == own[0] or value.__module__.startswith(own[1]))
    ]
    assert not left_out


@pytest.mark.parametrize("name", COLLECTING)
def test_completion_shows_public_names(name):
    module = NAMESPACES[name]
    shown = [public for public in dir(module) if not public.startswith("_")]
    assert sorted(shown) == sorted(module.__all__)
