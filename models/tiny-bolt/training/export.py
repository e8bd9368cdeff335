"""Writes a trained TinyBolt as `model.onnx`, with one input and PyTorch's answer to it as `reference.json`."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from model import TinyBolt


def export(model: TinyBolt, folder: Path) -> None:
    model.eval()
    example = torch.randn(2, model.context)
    example[0, :100] = float("nan")
    torch.onnx.export(
        model,
        (example,),
        str(folder / "model.onnx"),
        input_names=["context"],
        output_names=["quantile_preds"],
        dynamic_axes={"context": {0: "batch"}, "quantile_preds": {0: "batch"}},
        opset_version=14,
    )
    with torch.no_grad():
        answer = model(example).tolist()
    rows = [[None if x != x else x for x in row] for row in example.tolist()]
    (folder / "reference.json").write_text(json.dumps({"x": rows, "y": answer}))
