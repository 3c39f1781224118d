"""What the classes of `keras` add to those of gazelle: arguments and attributes of earlier versions, facade tensors.

A mixin comes before gazelle's class in the method resolution order (see `classes`), so `super()` is gazelle's class.
The table `mixins` lists them.
"""

from __future__ import annotations

from gazelle.compat import tables
from gazelle.compat.classes import MIXINS, ROOTS

for _cores, _mixin in tables.read("mixins")["mixins"].items():
    MIXINS.update((tables.resolve(_core, __name__), tables.resolve(_mixin, __name__)) for _core in _cores.split())
ROOTS.extend(tables.resolve(_root, __name__) for _root in tables.lists("mixins", "lists")["roots"])
