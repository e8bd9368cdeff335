"""Optuna's GridSampler over backtests of a Chronos-Bolt ONNX model in Python's onnxruntime, one thread, no season.

argv: a JSON file with
  model     path of model.onnx, manifest.json beside it
  values    the series, no value missing
  cutoffs   indices of the last point that each forecast may see
  horizon   steps
  points    the whole grid: {context_length, num_samples, temperature}
  windows   contexts in one run of the model
  seed      integer
Draws are made as Retune makes them, by inverse CDF with Gaussian tails, but from numpy's random numbers. Prints one line
of JSON: versions, ms of the study with the model opened and one trial of another study made before, and RMSEs in the
order of the points.
"""

import json
import os
import statistics
import sys
import time

import numpy
import onnxruntime
import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)

with open(sys.argv[1], encoding="utf-8") as file:
    work = json.load(file)
with open(os.path.join(os.path.dirname(work["model"]), "manifest.json"), encoding="utf-8") as file:
    manifest = json.load(file)

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(work["model"], options, providers=["CPUExecutionProvider"])

levels = numpy.array(manifest["quantile_levels"])
series = numpy.array(work["values"])
cutoffs, horizon = numpy.array(work["cutoffs"]), work["horizon"]
ahead = cutoffs[:, None] + 1 + numpy.arange(horizon)
is_scored = ahead < len(series)
targets = series[numpy.minimum(ahead, len(series) - 1)]

normal = statistics.NormalDist()
deviates = numpy.linspace(-7, 7, 14_001)
probabilities = numpy.array([normal.cdf(z) for z in deviates])


def predict(context_length):
    """Quantiles [window, step, level], ascending over the levels."""
    contexts = numpy.full((len(cutoffs), manifest["context_length"]), numpy.nan, numpy.float32)
    for row, cutoff in zip(contexts, cutoffs):
        context = series[max(0, cutoff + 1 - context_length) : cutoff + 1][-len(row) :]
        row[len(row) - len(context) :] = context
    parts = [
        session.run([manifest["output"]], {manifest["input"]: contexts[at : at + work["windows"]]})[0]
        for at in range(0, len(contexts), work["windows"])
    ]
    by_step = numpy.moveaxis(numpy.concatenate(parts), manifest["quantile_axis"], 2)[:, :horizon]
    return numpy.sort(by_step, axis=2).astype(float)


def draw(quantiles, median, chances):
    """The inverse CDF at chances [window, step, draw]: linear between the levels, Gaussian outside of them."""
    right = numpy.clip(numpy.searchsorted(levels, chances), 1, len(levels) - 1)
    low, high = (numpy.take_along_axis(quantiles, at, axis=2) for at in (right - 1, right))
    draws = low + (chances - levels[right - 1]) / (levels[right] - levels[right - 1]) * (high - low)
    for edge, is_outside in ((0, chances < levels[0]), (-1, chances > levels[-1])):
        window, step, _ = at = numpy.nonzero(is_outside)
        slope = (quantiles[:, :, edge] - median) / normal.inv_cdf(levels[edge])
        z = numpy.interp(chances[at], probabilities, deviates)
        draws[at] = median[window, step] + slope[window, step] * z
    return draws


def objective(trial):
    params = {name: trial.suggest_categorical(name, values) for name, values in space.items()}
    quantiles = predict(params["context_length"])
    median = quantiles[:, :, numpy.searchsorted(levels, 0.5)]
    chances = numpy.random.default_rng(work["seed"]).random((*targets.shape, params["num_samples"]))
    mean = median + params["temperature"] * (draw(quantiles, median, chances).mean(axis=2) - median)
    return float(numpy.sqrt(numpy.mean((mean - targets)[is_scored] ** 2)))


def search(trials):
    study = optuna.create_study(sampler=optuna.samplers.GridSampler(space, seed=work["seed"]))
    study.optimize(objective, n_trials=trials)
    return study


points = work["points"]
space = {name: sorted({point[name] for point in points}) for name in points[0]}
search(1)
started = time.perf_counter()
study = search(len(points))
ms = (time.perf_counter() - started) * 1000
found = [next(trial.value for trial in study.trials if trial.params == point) for point in points]
versions = f"Optuna {optuna.__version__}, onnxruntime {onnxruntime.__version__}"
print(json.dumps({"versions": versions, "ms": ms, "found": found, "winner": points.index(study.best_params)}))
