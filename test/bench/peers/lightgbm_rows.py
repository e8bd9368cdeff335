"""Trains LightGBM on rows from a file, one thread: CPU seconds of binning and training, and predictions for other rows.

Arguments: a folder, columns, and a JSON object of settings. train.f32 and test.f32 there are float32, by column, the
label last; the predictions are written to predicted.f32 beside them.
"""

import json
import os
import sys
import time

import lightgbm
import numpy

folder, columns, settings = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])


def read(name):
    values = numpy.fromfile(os.path.join(folder, name), dtype=numpy.float32).reshape(columns + 1, -1)
    return numpy.ascontiguousarray(values[:columns].T), values[columns].astype(float)


features, labels = read("train.f32")
others, _ = read("test.f32")
rounds = settings.pop("rounds")
started, started_cpu = time.perf_counter(), time.process_time()
model = lightgbm.train({**settings, "num_threads": 1, "verbose": -1}, lightgbm.Dataset(features, labels), rounds)
cpu, wall = time.process_time() - started_cpu, time.perf_counter() - started
model.predict(others, num_threads=1).astype(numpy.float32).tofile(os.path.join(folder, "predicted.f32"))
print(json.dumps({"cpu": cpu, "wall": wall, "version": lightgbm.__version__}))
