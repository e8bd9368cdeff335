"""
Runs River's drift detectors with their defaults over sequences.

argv: a JSON file with a list of {values, slow}; KSWIN, which takes about a thousand times longer than the others, runs
over the slow ones only. Prints one line of JSON: the version and, for each detector and sequence, the steps at which
it alarms, or null where it did not run.
"""

import json
import sys
import warnings

import river
from river import drift

warnings.simplefilter("ignore")
with open(sys.argv[1], encoding="utf-8") as file:
    sequences = json.load(file)


def alarms(detector, values):
    found = []
    for step, value in enumerate(values):
        detector.update(value)
        if detector.drift_detected:
            found.append(step)
    return found


print(
    json.dumps(
        {
            "version": river.__version__,
            "alarms": {
                "River ADWIN": [alarms(drift.ADWIN(), each["values"]) for each in sequences],
                "River Page-Hinkley": [alarms(drift.PageHinkley(), each["values"]) for each in sequences],
                "River KSWIN": [
                    alarms(drift.KSWIN(seed=1), each["values"]) if each["slow"] else None
                    for each in sequences
                ],
            },
        }
    )
)
