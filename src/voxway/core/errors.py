"""The one shape of every message about something that came from outside: file, field, expected, found, remedy."""

from __future__ import annotations


class UserError(Exception):
    """Something that the person at the keyboard can put right; the command line prints it without a traceback.

    Attributes:
        file: the file, folder or argument at fault.
        field: which part of it, e.g. ``"Tr"`` or ``"label ids"``.
        expected: what would have been right.
        found: what was there instead.
        remedy: what to do about it.
    """

    def __init__(self, *, file: object, field: str, expected: object, found: object, remedy: str) -> None:
        self.file = str(file)
        self.field = field
        self.expected = str(expected)
        self.found = str(found) if str(found).strip() else repr(found)  # an empty text is seen by its quotes
        self.remedy = remedy
        super().__init__(f"{file}: {field}: expected {expected}, found {self.found}. {remedy}")

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled as it is, whatever its class takes to be made: errors cross the borders of processes."""
        return _made_again, (type(self), self.args, self.__dict__)


def _made_again(kind: type[UserError], arguments: tuple[object, ...], parts: dict[str, object]) -> UserError:
    error = kind.__new__(kind)
    error.args = arguments
    error.__dict__.update(parts)
    return error


class InputError(UserError, ValueError):
    """A file, value or name handed to voxway is not usable."""


class OutputError(UserError, OSError):
    """A result could not be written; nothing half-written is left behind."""


class MissingExtra(UserError, ImportError):
    """An optional package is needed; `remedy` names the extra that installs it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            file=package,
            field="package",
            expected=f"installed, for {purpose}",
            found="not installed",
            remedy=f"Run: pip install 'voxway[{extra}]'",
        )


def nearest(name: str, known: list[str] | tuple[str, ...], what: str) -> InputError:
    """The error for an unknown `name`: lists what is `known` and the closest spelling."""
    import difflib

    close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"Perhaps you meant {close[0]!r}." if close else "Choose one of the names listed."
    return InputError(file=what, field="name", expected=f"one of {', '.join(known)}", found=repr(name), remedy=hint)
