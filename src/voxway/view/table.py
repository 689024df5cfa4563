"""Table: results side by side as HTML, each with the protocol under which it was counted."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from voxway.core.result import Protocol, Result
from voxway.core.task import Task
from voxway.view.shade import display_colours


def results_table(results: Sequence[Result], task: Task) -> str:
    """One column for each result: IoU, mIoU, precision, recall, every evaluated class; then the protocols.

    The best of each row is set off only where all results share one protocol; where they do not, a notice says in what
    they differ. Returns an empty string without results.
    """
    if not results:
        return ""
    unlike = _differences(results)
    heads = "".join(f'<th scope="col">{escape(r.name or f"Result {i + 1}")}</th>' for i, r in enumerate(results))
    overall = [
        _row(label, [getattr(r, name) for r in results], not unlike)
        for label, name in (("IoU", "iou"), ("mIoU", "miou"), ("Precision", "precision"), ("Recall", "recall"))
    ]
    colours = display_colours(task)
    per_class = [
        _row(task.classes[i], [float(r.class_iou[i]) for r in results], not unlike, colours[i].tolist())
        for i in task.evaluated
    ]
    protocols = "".join(f"<li>{escape(line)}</li>" for line in _protocol_lines(results))
    return (
        '<section class="results" aria-labelledby="results-title"><h2 id="results-title">Scores, in %</h2>'
        f"{_notice(unlike)}"
        f'<div class="scroll"><table><thead><tr><th></th>{heads}</tr></thead>'
        f'<tbody class="overall">{"".join(overall)}</tbody><tbody>{"".join(per_class)}</tbody></table></div>'
        f'<ul class="protocols">{protocols}</ul></section>'
    )


def protocol_line(protocol: Protocol) -> str:
    """A protocol in one line of plain text."""
    parts = [
        f"{protocol.benchmark} {protocol.split}",
        f"{protocol.samples} frame{'s' if protocol.samples != 1 else ''} scored",
        f"masks: {', '.join(('ignore', *protocol.masks))}",
        "whole grid" if protocol.range_m is None else f"within {protocol.range_m:g} m",
        f"inputs: {', '.join(protocol.inputs) or 'none'}",
        f"{protocol.frames} frame{'s' if protocol.frames != 1 else ''} seen",
        f"labels: {protocol.labels}",
        "averaged weights (EMA)" if protocol.ema else "plain weights",
        f"checkpoint {protocol.checkpoint[:12]}" if protocol.checkpoint else "no checkpoint",
    ]
    return ", ".join(parts)


def _protocol_lines(results: Sequence[Result]) -> list[str]:
    return [f"{r.name or f'Result {i + 1}'}: {protocol_line(r.protocol)}." for i, r in enumerate(results)]


def _differences(results: Sequence[Result]) -> list[str]:
    """Names of the protocol's fields in which any two results differ."""
    first = results[0].protocol
    return list(dict.fromkeys(name for r in results[1:] for name in first.differences(r.protocol)))


def _notice(unlike: Sequence[str]) -> str:
    if not unlike:
        return ""
    names = escape(", ".join(unlike))
    return f'<p class="notice">These results were counted under unlike protocols ({names}). Do not rank them.</p>'


def _row(label: str, scores: Sequence[float], ranked: bool, colour: Sequence[int] = ()) -> str:
    swatch = f'<span class="swatch" style="background:rgb({" ".join(map(str, colour))})"></span>' if colour else ""
    known = [score for score in scores if np.isfinite(score)]
    best = max(known) if ranked and len(known) > 1 and max(known) > min(known) else None
    cells = "".join(_cell(score, best=best is not None and score == best) for score in scores)
    return f'<tr><th scope="row">{swatch}{escape(label)}</th>{cells}</tr>'


def _cell(score: float, best: bool) -> str:
    if not np.isfinite(score):
        return '<td class="score" title="in neither truth nor prediction"><span class="track"></span><b>–</b></td>'
    track = f'<span class="track"><i style="width:{100 * score:.1f}%"></i></span>'
    return f'<td class="score{" best" if best else ""}">{track}<b>{100 * score:.2f}</b></td>'
