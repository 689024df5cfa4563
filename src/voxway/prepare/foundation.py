"""Networks of the `transformers` library: from a folder, or fetched only where a person says so, on any device."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import torch
from torch import Tensor

from voxway.core.errors import InputError, MissingExtra, UserError
from voxway.core.stamps import digest
from voxway.data.job import Precision

HUB = "hf:"
"""Prefix of a model that may be fetched from the Hugging Face hub; anything else is a folder."""

Loaded: TypeAlias = Any
"""Networks, processors and configurations of the library, whose classes are its own affair."""


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """A network that somebody else has trained.

    Args:
        model: a folder as `save_pretrained` writes it (``config.json``, ``preprocessor_config.json``, weights), or
            ``hf:owner/name`` to fetch it from the hub.
        what: kind of network, for messages, e.g. ``"depth model"``.
        purpose: what it is for, for messages.
        device: where it runs.
        precision: of its products; the shorter ones on GPUs alone.

    Raises:
        InputError: the folder has no ``config.json``, or that precision is not for this device.
        MissingExtra: transformers is not installed.
    """

    model: str
    what: str
    purpose: str
    device: torch.device | str = "cpu"
    precision: Precision = "float32"
    _lacking: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.local and not Path(self.model, "config.json").exists():
            remedy = f"Name a model's folder, or {HUB}owner/name to fetch it."
            raise self.error("a folder with config.json", "none", remedy)
        if self.precision != "float32" and torch.device(self.device).type == "cpu":
            expected = f"float32 on the CPU, or a GPU for {self.precision}"
            raise self.error(expected, f"{self.precision} on {self.device}", "Leave --precision out, or pass --device.")
        _ = self.library

    @property
    def local(self) -> bool:
        """Whether nothing may be fetched."""
        return not self.model.startswith(HUB)

    @property
    def library(self) -> ModuleType:
        """The package transformers."""
        try:
            import transformers
        except ImportError:
            raise MissingExtra("transformers", "foundation", self.purpose) from None
        return transformers

    @cached_property
    def config(self) -> Loaded:
        """Its configuration."""
        return self.load(self.library.AutoConfig, "the configuration of such a network")

    @cached_property
    def fingerprint(self) -> str:
        """What tells a network from others: its name on the hub, or the SHA-256 of its files."""
        if not self.local:
            return self.model
        files = sorted(path for path in Path(self.model).iterdir() if path.is_file())
        return hashlib.sha256("".join(f"{path.name} {digest(path)}\n" for path in files).encode()).hexdigest()

    def require(self, kinds: Sequence[str], expected: str) -> None:
        """Refuse a network of another architecture than one of these (``model_type`` of `config`).

        Raises:
            InputError: it is another.
        """
        kind = str(getattr(self.config, "model_type", "none"))
        if kind not in kinds:
            raise self.error(f"{expected} ({', '.join(kinds)})", kind, "Name the folder of another network.")

    def load(self, kind: Loaded, expected: str, **settings: object) -> Loaded:
        """A configuration, tokenizer or processor of a class of the library.

        Raises:
            InputError: the folder holds none, or it is damaged.
        """
        with self._loading(expected):
            return kind.from_pretrained(self._name, local_files_only=self.local, **settings)

    def network(self, kind: Loaded, expected: str) -> Loaded:
        """The network itself, of a class of the library, in evaluation mode.

        Weights that its files lack are NaN, where the library would draw random ones: releases differ in parts that
        nothing depends on, and whether something does shows in what the network says; see `require_numbers`.

        Raises:
            InputError: the folder holds none.
        """
        with self._loading(expected), self._silent():
            network, found = kind.from_pretrained(self._name, local_files_only=self.local, output_loading_info=True)
        for name, parameter in network.named_parameters():
            if name in found["missing_keys"]:
                parameter.data.fill_(torch.nan)
                self._lacking.append(name)
        return network.to(self.device).eval()

    def require_numbers(self, *said: Tensor) -> None:
        """Refuse what a network said if it is no number.

        Raises:
            InputError: there is a NaN.
        """
        if any(bool(tensor.isnan().any()) for tensor in said):
            lacking = (
                f", as its files lack {len(self._lacking)} weights such as {self._lacking[0]}" if self._lacking else ""
            )
            remedy = "Copy the folder again, whole." if lacking else "Take --precision float32, or whole weights."
            raise self.error("numbers", f"NaN{lacking}", remedy)

    @contextmanager
    def inference(self) -> Generator[None]:
        """Without gradients, products in the precision that was chosen."""
        kind, dtype = torch.device(self.device).type, getattr(torch, self.precision)
        with torch.no_grad(), torch.autocast(kind, dtype, enabled=dtype != torch.float32):
            yield

    def error(self, expected: str, found: object, remedy: str) -> InputError:
        """The error that names the model."""
        return InputError(file=self.model, field=self.what, expected=expected, found=found, remedy=remedy)

    @property
    def _name(self) -> str:
        return self.model.removeprefix(HUB)

    @contextmanager
    def _silent(self) -> Generator[None]:
        """Without the library's bars."""
        bars = self.library.utils.logging
        shown = bars.is_progress_bar_enabled()
        bars.disable_progress_bar()
        try:
            yield
        finally:
            if shown:
                bars.enable_progress_bar()

    @contextmanager
    def _loading(self, expected: str) -> Generator[None]:
        try:
            yield
        except UserError:
            raise
        except Exception as error:  # damaged files, and those of other networks, make the library raise anything
            lines = str(error).strip().splitlines() or [type(error).__name__]
            remedy = "Take one of the library's, with its weights."
            raise self.error(expected, lines[0], remedy) from error
