"""Writes a trained TinyBolt as `model.onnx`, with one input and PyTorch's answer to it as `reference.json`."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import torch

from model import TinyBolt

# The first with operators for attention and root-mean-square norms. A session takes time for every node it opens.
OPSET = 23


def export(model: TinyBolt, folder: Path) -> None:
    model.eval()
    example = torch.randn(2, model.context)
    example[0, :100] = float("nan")
    with torch.no_grad():
        answer = model(example).tolist()
    program = torch.onnx.export(
        model,
        (example,),
        input_names=["context"],
        output_names=["quantile_preds"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        opset_version=OPSET,
        dynamo=True,
    )
    bare = without_origins(program.model_proto)
    onnx.checker.check_model(bare, full_check=True)
    onnx.save(bare, folder / "model.onnx")
    rows = [[None if x != x else x for x in row] for row in example.tolist()]
    (folder / "reference.json").write_text(json.dumps({"x": rows, "y": answer}))


def without_origins(model: onnx.ModelProto) -> onnx.ModelProto:
    """The exporter notes at each value which line of which file it comes from, and the shapes of values that its
    optimiser has removed: of no use to a session, but read by it."""
    graph = model.graph
    for described in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del described.metadata_props[:]
    computed = {name for node in graph.node for name in node.output}
    shapes = [each for each in graph.value_info if each.name in computed]
    del graph.value_info[:]
    graph.value_info.extend(shapes)
    return model
