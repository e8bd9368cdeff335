"""Scores weights on real series against seasonal naive. Nothing here is used for training.

    VEGA_DATA=node_modules/vega-datasets/data python evalset.py leg2/weights.pt

Series come from the npm package `vega-datasets` (folder in VEGA_DATA) and the Python package `statsmodels`. Per series
up to ten windows, back to back from the end. Figures are ratios to seasonal naive, as geometric mean over the groups.
"""

from __future__ import annotations

import csv
import json
import math
import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import Iterator, NamedTuple

import numpy as np
import torch

from model import LEVELS, TinyBolt

WINDOWS = 10
NORMAL = (-1.2816, -0.8416, -0.5244, -0.2533, 0.0, 0.2533, 0.5244, 0.8416, 1.2816)


class Series(NamedTuple):
    group: str
    season: int
    horizon: int
    values: np.ndarray


def vega(folder: Path) -> Iterator[Series]:
    def columns(name: str, *wanted: str, where=lambda row: True) -> Iterator[np.ndarray]:
        rows = [row for row in csv.DictReader((folder / name).open()) if where(row)]
        for column in wanted or list(rows[0])[1:]:
            yield np.array([float(row[column]) for row in rows])

    def series(group: str, season: int, horizon: int, found: Iterator[np.ndarray]) -> Iterator[Series]:
        return (Series(group, season, horizon, values) for values in found)

    hourly = columns("seattle-weather-hourly-normals.csv", "pressure", "temperature", "wind")
    yield from series("seattle-hourly", 24, 48, hourly)
    for place in ("Seattle", "New York"):
        daily = columns("weather.csv", "precipitation", "temp_max", "temp_min", "wind", where=lambda r: r["location"] == place)
        yield from series("weather-daily", 7, 30, daily)
    yield from series("sp500-daily", 5, 30, columns("sp500-2000.csv", "close", "volume"))
    yield from series("employment-monthly", 12, 12, columns("us-employment.csv"))
    yield from series("co2-monthly", 12, 24, columns("co2-concentration.csv", "CO2"))
    yield from series("temperature-yearly", 1, 12, columns("global-temp.csv", "temp"))
    for symbol in ("MSFT", "AMZN", "IBM", "GOOG", "AAPL"):
        yield from series("stocks-monthly", 12, 12, columns("stocks.csv", "price", where=lambda r: r["symbol"] == symbol))
    industries: dict[str, list[float]] = defaultdict(list)
    for row in json.loads((folder / "unemployment-across-industries.json").read_text()):
        industries[row["series"]].append(float(row["count"]))
    yield from series("unemployment-monthly", 12, 12, (np.array(v) for v in industries.values()))


def stats() -> Iterator[Series]:
    from statsmodels import datasets

    temperatures = datasets.elnino.load_pandas().data.iloc[:, 1:].to_numpy(float).ravel()
    yield Series("elnino-monthly", 12, 24, temperatures)
    yield Series("sunspots-yearly", 11, 12, datasets.sunspots.load_pandas().data["SUNACTIVITY"].to_numpy(float))
    yield Series("nile-yearly", 1, 12, datasets.nile.load_pandas().data["volume"].to_numpy(float))
    yield Series("co2-weekly", 52, 52, datasets.co2.load_pandas().data["co2"].interpolate().to_numpy(float))
    macro = datasets.macrodata.load_pandas().data
    for column in macro.columns[2:]:
        yield Series("macro-quarterly", 4, 8, macro[column].to_numpy(float))


def predict(model: TinyBolt, context: np.ndarray, horizon: int) -> np.ndarray:
    """Quantiles [9, horizon], ascending."""
    padded = np.full((1, model.context), np.nan, np.float32)
    kept = context[-model.context :]
    padded[0, model.context - len(kept) :] = kept
    with torch.no_grad():
        return np.sort(model(torch.from_numpy(padded))[0].numpy(), 0)[:, :horizon]


def pinball(actual: np.ndarray, quantiles: np.ndarray) -> float:
    levels = np.array(LEVELS)[:, None]
    error = actual - quantiles
    return float(np.mean(2 * np.maximum(error * levels, error * (levels - 1))))


def seasonal_naive(context: np.ndarray, season: int, horizon: int) -> np.ndarray:
    """Quantiles [9, horizon] of a Gaussian about the value one season ago."""
    center = np.tile(context[-season:], math.ceil(horizon / season))[:horizon]
    spread = (context[season:] - context[:-season]).std() * np.sqrt(np.ceil(np.arange(1, horizon + 1) / season))
    return center + np.array(NORMAL)[:, None] * spread


def evaluate(model: TinyBolt, found: list[Series]) -> None:
    scores = defaultdict(list)
    for group, season, horizon, values in found:
        values = values[np.isfinite(values)]
        steps = min(horizon, model.horizon)
        for window in range(1, WINDOWS + 1):
            cutoff = len(values) - horizon * window
            if cutoff < max(3 * season, 32):
                break
            context, actual = values[:cutoff], values[cutoff : cutoff + steps]
            ours, naive = predict(model, context, steps), seasonal_naive(context, season, steps)
            scale = np.abs(context[season:] - context[:-season]).mean() + 1e-9
            errors = [np.abs(actual - quantiles[4]).mean() / scale for quantiles in (ours, naive)]
            losses = [pinball(actual, quantiles) / scale for quantiles in (ours, naive)]
            scores[group].append((*errors, *losses, np.mean((actual >= ours[0]) & (actual <= ours[8]))))
    means = {group: np.mean(rows, 0) for group, rows in scores.items()}
    for group, row in means.items():
        print(f"{group:22} MASE {row[0] / row[1]:.3f}  WQL {row[2] / row[3]:.3f}")
    ratios = np.array([(row[0] / row[1], row[2] / row[3]) for row in means.values()])
    mase, wql = np.exp(np.log(ratios).mean(0))
    covered = np.mean([row[4] for row in means.values()])
    print(f"{sum(map(len, scores.values()))} windows: MASE {mase:.3f}  WQL {wql:.3f}  10-90 coverage {covered:.2f}")


if __name__ == "__main__":
    network = TinyBolt()
    network.load_state_dict(torch.load(sys.argv[1]))
    network.eval()
    folder = os.environ.get("VEGA_DATA")
    evaluate(network, [*(vega(Path(folder)) if folder else ()), *stats()])
