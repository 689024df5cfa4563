"""What autograd hands to both directions of a function of one's own."""

from __future__ import annotations

from typing import Any, TypeAlias

Context: TypeAlias = Any
"""It keeps tensors by `save_for_backward`, and takes attributes of any name, which no type can list."""
