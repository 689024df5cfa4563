"""Things known by name: those of this package, imported when they are asked for, and those that users add."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, MutableMapping
from typing import Generic, TypeVar, cast

from voxway.core.errors import InputError, nearest

T = TypeVar("T")
E = TypeVar("E")


class Registry(Generic[E]):
    """Entries by name.

    Args:
        what: kind of thing, for messages.
        listed: the package's own; a text is ``"module:name"`` of the entry.
        how: how users add theirs, for messages.
    """

    def __init__(self, what: str, listed: Mapping[str, str | E], how: str) -> None:
        self.what, self.how = what, how
        self._known: dict[str, str | E] = dict(listed)

    def names(self) -> tuple[str, ...]:
        """All names: the package's own first, then in the order in which they were added."""
        return tuple(self._known)

    def add(self, name: str, entry: E) -> None:
        """Make an entry of one's own known to this process.

        Raises:
            InputError: another has that name.
        """
        add(self._known, name, entry, self.what)

    def entry(self, name: str) -> E:
        """The entry of that name.

        Raises:
            InputError: there is none; lists those that there are.
        """
        if name not in self._known:
            raise nearest(name, self.names(), self.what)
        return loaded(self._known[name])

    def name_of(self, config: object, config_type: Callable[[str], type | None]) -> str:
        """The name of the entry whose configurations are of this one's class.

        Args:
            config: any configuration.
            config_type: the class of an entry's configurations, by its name.

        Raises:
            InputError: no entry's are.
        """
        for name in self.names():
            if config_type(name) is type(config):
                return name
        raise InputError(
            file=f"{type(config).__module__}.{type(config).__qualname__}",
            field=self.what,
            expected=f"a configuration of {', '.join(self.names())}, or of a registered {self.what}",
            found="neither",
            remedy=f"Register it first: {self.how}.",
        )


def add(known: MutableMapping[str, T], name: str, entry: T, what: str) -> None:
    """Add an entry; the same one may come again.

    Raises:
        InputError: another has that name.
    """
    if known.get(name, entry) != entry:
        raise InputError(
            file=f"{what} {name}",
            field="name",
            expected=f"one that no other {what} has",
            found=name,
            remedy="Choose another name.",
        )
    known[name] = entry


def loaded(where: str | T) -> T:
    """Anything but a text as it is; of a text, the thing at ``"module:name"``, or the module ``"module"``."""
    if not isinstance(where, str):
        return where
    module, colon, name = where.partition(":")
    found = importlib.import_module(module)
    # What a text names is of the type that its field says; nothing can check that before it is used.
    return cast(T, getattr(found, name) if colon else found)
