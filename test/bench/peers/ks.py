"""Times scipy.stats.ks_2samp, the quickest of some rounds, on two files of float64, argv: file file rounds."""

import json
import sys
import time
import warnings

import numpy
import scipy
from scipy.stats import ks_2samp

first, second = (numpy.fromfile(path) for path in sys.argv[1:3])
warnings.simplefilter("ignore")
times = []
for _ in range(int(sys.argv[3])):
    started = time.perf_counter()
    result = ks_2samp(first, second)
    times.append(1_000 * (time.perf_counter() - started))
print(
    json.dumps(
        {
            "version": scipy.__version__,
            "ms": min(times),
            "distance": float(result.statistic),
            "p_value": float(result.pvalue),
        }
    )
)
