"""Foundation networks as small as they get, with random weights, in folders as published ones come."""

from __future__ import annotations

import json
from pathlib import Path

import torch

WORDS = (
    "tree", "trunk", "traffic", "cone", "concrete", "barrier", "metal", "water", "parking", "lot", "space", "island",
    "railway", "rail", "track", "bus", "trailer", "train", "tram", "caravan", "excavator", "crane", "construction",
    "vehicle", "the", "task", "is", "semantic",
)  # fmt: skip

_SWIN = {
    "image_size": 32, "patch_size": 4, "embed_dim": 8, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 1, 1],
    "window_size": 4,
}  # fmt: skip
CITYSCAPES = (
    "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation", "terrain",
    "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle",
)  # fmt: skip


def seeded(network: torch.nn.Module, seed: int, bold: dict[str, float] | None = None) -> torch.nn.Module:
    """Give a network random weights, the same whatever order the library makes its parts in.

    Args:
        network: any.
        seed: of the weights.
        bold: parts of names -> by how much their weights are larger; else all would say nearly the same of everything.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(network.named_parameters()):
            if parameter.ndim > 1:
                factor = next((factor for part, factor in (bold or {}).items() if part in name), 1.0)
                parameter.normal_(0, factor / parameter[0].numel() ** 0.5, generator=generator)
            else:
                parameter.fill_(1.0 if name.endswith("weight") else 0.0)
    return network


def _swin(**more: object):
    import transformers

    return transformers.SwinConfig(**_SWIN, out_features=["stage1", "stage2", "stage3", "stage4"], **more)


def save_segmenter(
    folder: Path, kind: str = "mask2former", names: tuple[str, ...] | None = CITYSCAPES, count: int = 19
) -> Path:
    """A segmentation network; without names its classes are ``LABEL_0`` and so on."""
    import transformers

    labels = dict(enumerate(names or [f"LABEL_{i}" for i in range(count)]))
    common = {"id2label": labels, "label2id": {name: i for i, name in labels.items()}}
    if kind == "mask2former":
        config = transformers.Mask2FormerConfig(
            backbone_config=_swin(), hidden_size=32, mask_feature_size=32, feature_size=32, num_queries=6,
            encoder_layers=1, decoder_layers=2, num_attention_heads=2, dim_feedforward=16, encoder_feedforward_dim=16,
            **common,
        )  # fmt: skip
        network, processor = transformers.Mask2FormerForUniversalSegmentation(config), "Mask2FormerImageProcessor"
    elif kind == "maskformer":
        detr = transformers.DetrConfig(
            d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
            encoder_ffn_dim=16, decoder_ffn_dim=16, num_queries=6, use_timm_backbone=False,
            backbone_config=transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8], depths=[1]), backbone=None,
        )  # fmt: skip
        config = transformers.MaskFormerConfig(
            backbone_config=_swin(), decoder_config=detr, fpn_feature_size=32, mask_feature_size=32, **common
        )
        network, processor = transformers.MaskFormerForInstanceSegmentation(config), "MaskFormerImageProcessor"
    else:
        config = transformers.OneFormerConfig(
            backbone_config=_swin(), hidden_dim=32, mask_dim=32, conv_dim=32, num_queries=6, encoder_layers=1,
            decoder_layers=2, num_attention_heads=2, dim_feedforward=16, encoder_feedforward_dim=16, task_seq_len=8,
            text_encoder_width=32, text_encoder_num_layers=1, text_encoder_vocab_size=49408,
            text_encoder_context_length=8, text_encoder_n_ctx=2, use_task_norm=True, query_dec_layers=1, **common,
        )  # fmt: skip
        network, processor = transformers.OneFormerForUniversalSegmentation(config), "OneFormerImageProcessor"
    seeded(network, 0, {"class_predictor": 4.0, "class_embed": 4.0, "mask_embed": 2.0}).save_pretrained(folder)
    if kind == "oneformer":
        # As published: the names of classes lie elsewhere on the hub.
        described = {
            "image_processor_type": processor, "class_info_file": "cityscapes_panoptic.json", "num_text": 4,
            "size": {"shortest_edge": 40, "longest_edge": 128}, "repo_path": "shi-labs/oneformer_demo",
        }  # fmt: skip
        (folder / "preprocessor_config.json").write_text(json.dumps(described))
        save_tokenizer(folder)
    else:
        size = {"shortest_edge": 40, "longest_edge": 128}
        getattr(transformers, processor)(size=size, size_divisor=32, ignore_index=255).save_pretrained(folder)
    return folder


def save_tokenizer(folder: Path):
    """A tokenizer in BERT's manner that knows the words of the tables and single letters."""
    import transformers

    letters = "abcdefghijklmnopqrstuvwxyz"
    vocabulary = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        ".",
        "?",
        *WORDS,
        *letters,
        *(f"##{c}" for c in letters),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    tokenizer = transformers.BertTokenizerFast(str(folder / "vocab.txt"))
    tokenizer.save_pretrained(folder)
    return tokenizer


def save_detector(folder: Path) -> Path:
    """A Grounding DINO."""
    import transformers

    tokenizer = save_tokenizer(folder)
    text = transformers.BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    config = transformers.GroundingDinoConfig(
        backbone_config=transformers.SwinConfig(**_SWIN, out_indices=[2, 3, 4]), text_config=text, num_queries=12,
        encoder_layers=1, decoder_layers=2, encoder_ffn_dim=16, decoder_ffn_dim=16, d_model=32,
        encoder_attention_heads=2, decoder_attention_heads=2, use_timm_backbone=False, max_text_len=64,
    )  # fmt: skip
    seeded(transformers.GroundingDinoForObjectDetection(config), 1, {"bbox_embed": 3.0}).save_pretrained(folder)
    size = {"shortest_edge": 48, "longest_edge": 160}
    processor = transformers.GroundingDinoImageProcessor(size=size)
    transformers.GroundingDinoProcessor(processor, tokenizer).save_pretrained(folder)
    return folder


def save_mask_model(folder: Path, kind: str = "sam2") -> Path:
    """A SAM 2; of kind ``"sam2_video"`` with the parts for films, as published folders have them."""
    import transformers

    hiera = transformers.Sam2HieraDetConfig(
        hidden_size=8, num_attention_heads=1, blocks_per_stage=[1, 1, 2, 1], embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 2, 4], window_size_per_stage=[8, 4, 4, 2], global_attention_blocks=[3],
        image_size=[64, 64], window_positional_embedding_background_size=[4, 4],
    )  # fmt: skip
    vision = transformers.Sam2VisionConfig(
        backbone_config=hiera, backbone_channel_list=[64, 32, 16, 8], fpn_hidden_size=16,
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
    )  # fmt: skip
    config = transformers.Sam2Config(
        vision_config=vision,
        prompt_encoder_config=transformers.Sam2PromptEncoderConfig(hidden_size=16, image_size=64, patch_size=16),
        mask_decoder_config=transformers.Sam2MaskDecoderConfig(
            hidden_size=16, mlp_dim=16, num_attention_heads=2, iou_head_hidden_dim=16
        ),
    )
    # Older releases have one alone, under the other name.
    kind_of_processor = getattr(transformers, "Sam2ImageProcessor", None) or transformers.Sam2ImageProcessorFast
    processor = kind_of_processor(size={"height": 64, "width": 64}, mask_size={"height": 16, "width": 16})
    if kind == "sam2":
        seeded(transformers.Sam2Model(config), 2).save_pretrained(folder)
        transformers.Sam2Processor(processor).save_pretrained(folder)
        return folder
    video = transformers.Sam2VideoConfig(
        vision_config=config.vision_config, prompt_encoder_config=config.prompt_encoder_config.to_dict(),
        mask_decoder_config=config.mask_decoder_config.to_dict(), image_size=64, memory_attention_hidden_size=16,
        memory_attention_num_layers=1, memory_attention_feed_forward_hidden_size=16, memory_encoder_hidden_size=16,
        memory_attention_rope_feat_sizes=[4, 4], memory_encoder_output_channels=8, mask_downsampler_embed_dim=16,
        memory_fuser_num_layers=1, memory_fuser_embed_dim=16, memory_fuser_intermediate_dim=16,
    )  # fmt: skip
    seeded(transformers.Sam2VideoModel(video), 2).save_pretrained(folder)
    transformers.Sam2VideoProcessor(processor, transformers.Sam2VideoVideoProcessor()).save_pretrained(folder)
    return folder
