"""A trainer for Retune's family `command`: python3 train.py request.json

Ridge regression from a normalised context to the steps ahead, with the quantiles of its held-out errors around it. It is
small on purpose; README.md says what any trainer has to read and to write.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import onnx_file as onnx

LEVELS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
MAX_ROWS = 20_000
MIN_ROWS = 20
HELD_OUT = 0.2
BAD_DATA = 65  # sysexits.h: EX_DATAERR


def main(path):
    request = json.loads(Path(path).read_text())
    series = read_series(request["dataset"]["path"])
    length, horizon = request["context_length"], request["horizon"]
    contexts, targets = windows(series, length, horizon)
    if len(contexts) < MIN_ROWS:
        print(f"{len(contexts)} windows of {length} + {horizon} steps, needs {MIN_ROWS}", file=sys.stderr)
        sys.exit(BAD_DATA)

    known = len(contexts) - int(HELD_OUT * len(contexts))  # in order of time: the newest are held out
    weights, bias = ridge(contexts[:known], targets[:known], request["params"]["alpha"])
    errors = targets[known:] - (contexts[known:] @ weights + bias)
    spread = np.quantile(errors, LEVELS, axis=0).T  # [horizon, levels]

    artifact = Path(request["artifact"])
    (artifact / "model.onnx").write_bytes(graph(weights, bias[:, None] + spread, length))
    write_json(artifact / "manifest.json", {
        "contract": "context-to-quantiles",
        "input": "context",
        "output": "quantiles",
        "context_length": length,
        "horizon": horizon,
        "quantile_levels": LEVELS,
    })
    write_json(artifact / "metadata.json", {
        "rows": known,
        "metrics": {"held_out_mae": float(np.abs(errors).mean())},
    })
    print(f"{known} rows, {len(contexts) - known} held out")


def read_series(path):
    """Values of each entity in order of time, NaN for missing."""
    series = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            series.setdefault(row["entity"], []).append(float(row["value"] or "nan"))
    return [np.array(values) for values in series.values()]


def windows(series, length, horizon):
    """Normalised contexts [rows, length] and the steps after them [rows, horizon], oldest first."""
    found = []
    for values in series:
        for end in range(2, len(values) - horizon + 1):
            context = values[max(0, end - length):end]
            target = values[end:end + horizon]
            seen = context[~np.isnan(context)]
            if len(seen) < 4 or np.isnan(target).any():
                continue
            mean, scale = seen.mean(), seen.std() + 1e-6
            row = np.zeros(length)
            row[length - len(context):] = np.nan_to_num((context - mean) / scale)
            found.append((end, row, (target - mean) / scale))
    found.sort(key=lambda each: each[0])
    found = found[-MAX_ROWS:]
    return np.array([row for _, row, _ in found]), np.array([target for _, _, target in found])


def ridge(x, y, alpha):
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    x, y = x - mean_x, y - mean_y
    weights = np.linalg.solve(x.T @ x + alpha * np.eye(x.shape[1]), x.T @ y)
    return weights, mean_y - mean_x @ weights


def graph(weights, offsets, length):
    """The same normalisation, the regression and the way back, as ONNX. NaN is a missing value."""
    horizon, levels = offsets.shape
    wide = np.repeat(weights, levels, axis=1)  # every level has the regression's weights and an offset of its own
    constants = {
        "zero": np.float32(0), "one": np.float32(1), "tiny": np.float32(1e-6),
        "steps": np.array([1], "int64"), "shape": np.array([-1, horizon, levels], "int64"),
        "weights": wide.astype("float32"), "offsets": offsets.reshape(-1).astype("float32"),
    }
    node = onnx.node
    nodes = [
        node("IsNaN", ["context"], ["missing"]),
        node("Where", ["missing", "zero", "one"], ["seen"]),
        node("Where", ["missing", "zero", "context"], ["filled"]),
        node("ReduceSum", ["seen", "steps"], ["count"], keepdims=1),
        node("ReduceSum", ["filled", "steps"], ["total"], keepdims=1),
        node("Div", ["total", "count"], ["mean"]),
        node("Sub", ["filled", "mean"], ["shifted"]),
        node("Mul", ["shifted", "seen"], ["centred"]),
        node("Mul", ["centred", "centred"], ["squares"]),
        node("ReduceSum", ["squares", "steps"], ["square"], keepdims=1),
        node("Div", ["square", "count"], ["variance"]),
        node("Sqrt", ["variance"], ["deviation"]),
        node("Add", ["deviation", "tiny"], ["scale"]),
        node("Div", ["centred", "scale"], ["normal"]),
        node("MatMul", ["normal", "weights"], ["ahead"]),
        node("Add", ["ahead", "offsets"], ["spread"]),
        node("Mul", ["spread", "scale"], ["scaled"]),
        node("Add", ["scaled", "mean"], ["flat"]),
        node("Reshape", ["flat", "shape"], ["quantiles"]),
    ]
    return onnx.model(
        nodes,
        [onnx.tensor(name, np.asarray(value)) for name, value in constants.items()],
        [onnx.value_info("context", ["series", length])],
        [onnx.value_info("quantiles", ["series", horizon, levels])],
    )


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
