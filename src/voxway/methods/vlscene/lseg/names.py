"""Published parameter names of LSeg (``demo_e200.ckpt``) and ours, and those that do nothing here."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from voxway.core.names import NameMap, Rename

_PREFIXES = ("net.", "clip_net.vlseg_encoder.")
"""Before every name: in LSeg's own file, and in files of VLScene that carry the teacher along."""
_IDLE = ("clip_pretrained.visual.", "clip_pretrained.logit_scale", "pretrained.model.norm.", "pretrained.model.head.",
         "scratch.refinenet4.resConfUnit1.")  # fmt: skip
"""CLIP's image tower, its temperature, the transformer's last norm and classifier, and a block without an input."""
_TEXT_BLOCK = (
    ("attn.in_proj_{}", "together.{}"),
    ("attn.out_proj.{}", "output.{}"),
    ("ln_1.{}", "attention_norm.{}"),
    ("ln_2.{}", "output_norm.{}"),
    ("mlp.c_fc.{}", "expand.{}"),
    ("mlp.c_proj.{}", "contract.{}"),
)
_REFINE = (
    ("conv1.{}", "first.{}"),
    ("bn1.{}", "first_norm.{}"),
    ("conv2.{}", "second.{}"),
    ("bn2.{}", "second_norm.{}"),
)


def _level(level: int) -> tuple[Rename, ...]:
    place, join = f"pretrained.act_postprocess{level + 1}", f"scratch.refinenet{level + 1}"
    return (
        Rename(published=f"{place}.0.project.0.{{}}", ours=f"image.reassemble.{level}.know.{{}}"),
        Rename(published=f"{place}.3.{{}}", ours=f"image.reassemble.{level}.reduce.{{}}"),
        Rename(published=f"{place}.4.{{}}", ours=f"image.reassemble.{level}.resize.{{}}"),
        Rename(published=f"scratch.layer{level + 1}_rn.{{}}", ours=f"image.reduce.{level}.{{}}"),
        Rename(published=f"{join}.out_conv.{{}}", ours=f"image.join.{level}.mix.{{}}"),
        *(
            Rename(published=f"{join}.{unit}.{theirs}", ours=f"image.join.{level}.{refine}.{mine}")
            for unit, refine in (("resConfUnit1", "refine_new"), ("resConfUnit2", "refine"))
            for theirs, mine in _REFINE
        ),
    )


NAMES = NameMap(
    renames=(
        Rename(published="clip_pretrained.positional_embedding", ours="text.position"),
        Rename(published="clip_pretrained.text_projection", ours="text.projection"),
        Rename(published="clip_pretrained.token_embedding.{}", ours="text.embedding.{}"),
        Rename(published="clip_pretrained.ln_final.{}", ours="text.norm.{}"),
        *(
            Rename(published=f"clip_pretrained.transformer.resblocks.{{}}.{theirs}", ours=f"text.blocks.{{}}.{mine}")
            for theirs, mine in _TEXT_BLOCK
        ),
        Rename(published="pretrained.model.{}", ours="image.tower.network.{}"),
        *(row for level in range(4) for row in _level(level)),
        Rename(published="scratch.head1.{}", ours="image.head.{}"),
    ),
    dead={},
)
"""Names without their prefix."""


def from_published(published: Mapping[str, Tensor], ours: Mapping[str, Tensor], source: object) -> dict[str, Tensor]:
    """State of our network from a published file, strictly.

    Args:
        published: tensors by published name, with one of the known prefixes or none.
        ours: a state of our network, for names and shapes.
        source: the file, for errors.

    Raises:
        InputError: a name that is not known, a wrong shape, or a parameter of ours that stays unfilled.
    """
    plain = {_bare(name): tensor for name, tensor in published.items()}
    return NAMES.to_ours({n: t for n, t in plain.items() if not n.startswith(_IDLE)}, ours, source)


def _bare(name: str) -> str:
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name
