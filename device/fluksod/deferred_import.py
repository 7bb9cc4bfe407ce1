"""Import a library without those of its own imports that are rarely needed, and take them in when they are.

dsmr-parser imports dlms-cosem and cryptography, 12 MB resident, whether a meter encrypts or not.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType


class _Deferred:
    """Stands for a member of a module that was not imported. Whoever uses it has to call `take_in` first."""

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name

    def imported(self) -> object:
        return getattr(importlib.import_module(self.module), self.name)


class _Placeholder(ModuleType):
    def __getattr__(self, name: str) -> _Deferred:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Deferred(self.__name__, name)


@contextmanager
def deferring(names: Iterable[str]) -> Iterator[None]:
    """While this lasts, `from name import member` gives a stand-in. Modules that are imported already are left alone.

    To be entered in the thread that imports, before there are others.
    """
    placed = [name for name in names if name not in sys.modules]
    sys.modules.update({name: _Placeholder(name) for name in placed})
    try:
        yield
    finally:
        for name in placed:
            del sys.modules[name]


def take_in(module: ModuleType) -> None:
    """Import what was deferred in `module`."""
    for name, member in list(vars(module).items()):
        if isinstance(member, _Deferred):
            setattr(module, name, member.imported())
