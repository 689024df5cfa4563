"""A graph as it comes from the exporter made smaller: constants computed, norms written into convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx_ir import Model

_ROUNDS = 2
"""What one round rewrites lets the next compute more."""


def tidy(model: Model) -> None:
    """Rewrite a model: functions written out, what depends on no input computed, what does nothing left out.

    The exporter's own optimiser does the same, and searches for one pattern more, at a cost that grows with the square
    of the number of nodes.
    """
    from onnx_ir import passes
    from onnx_ir.passes import common
    from onnxscript.optimizer import fold_constants
    from onnxscript.rewriter import rewrite
    from onnxscript.rewriter.rules import common as rules

    wanted = [
        rules.add_0_rule,
        rules.mul_by_1_rule,
        rules.div_by_1_rule,
        rules.no_op_cast_rule,
        rules.no_op_transpose_rule,
        rules.no_op_expand_rule,
        rules.collapse_slice_rule,
        rules.collapse_slice2_rule,
        rules.cast_cast_rule,
        rules.reshape_reshape_rule,
        rules.transpose_transpose_rule,
        rules.unsqueeze_unsqueeze_rule,
        # Not only for the size: the exporter gives 3D convolutions without biases zeros of a wrong shape.
        rules.remove_optional_bias_from_conv_rule,
        rules.remove_optional_bias_from_conv_transpose_rule,
        rules.fuse_batchnorm_into_conv_rule,
        rules.fuse_batchnorm_into_conv_transpose_rule,
        rules.fuse_batchnorm_into_gemm_rule,
    ]
    common.InlinePass()(model)
    for _ in range(_ROUNDS):
        fold_constants(model, onnx_shape_inference=True)
        rewrite(model, wanted)
    passes.Sequential(
        common.RemoveUnusedNodesPass(),
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        common.DeduplicateInitializersPass(),
        common.CommonSubexpressionEliminationPass(),
        common.RemoveUnusedFunctionsPass(),
        common.RemoveUnusedOpsetsPass(),
        common.OutputFixPass(),
        common.NameFixPass(),
    )(model)
