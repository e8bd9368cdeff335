"""
Optuna's multivariate TPE sampler, asked for points and told what they are worth.

argv: a JSON file with
  spaces   lists of dimensions as Retune writes them: {name, kind, min, max, log, choices}
  studies  {space: index, seed}
  rounds   trials of each study
  timing   {space, trials: [{point, value}], sizes: [n, ...]}
Prints JSON lines: first the version, then in each round the points of all studies, for which it reads a line with
their values; last the median time in ms of one suggestion after the first n trials, for each n.
"""

import json
import statistics
import sys
import time

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

optuna.logging.set_verbosity(optuna.logging.ERROR)
REPEATS = 15


def distribution(dimension):
    if dimension["kind"] == "choice":
        return CategoricalDistribution(dimension["choices"])
    of = IntDistribution if dimension["kind"] == "integer" else FloatDistribution
    return of(dimension["min"], dimension["max"], log=dimension.get("log", False))


def space_of(dimensions):
    return {each["name"]: distribution(each) for each in dimensions}


def study_of(seed):
    return optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed, multivariate=True))


def milliseconds(space, trials):
    study = study_of(0)
    for each in trials:
        study.add_trial(
            optuna.trial.create_trial(params=each["point"], distributions=space, value=each["value"])
        )
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        trial = study.ask(space)
        times.append((time.perf_counter() - started) * 1000)
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    return statistics.median(times[1:])


def say(value):
    print(json.dumps(value), flush=True)


with open(sys.argv[1], encoding="utf-8") as file:
    work = json.load(file)
say(optuna.__version__)

spaces = [space_of(each) for each in work["spaces"]]
studies = [(study_of(each["seed"]), spaces[each["space"]]) for each in work["studies"]]
for _ in range(work["rounds"]):
    trials = [study.ask(space) for study, space in studies]
    say([trial.params for trial in trials])
    for (study, _), trial, value in zip(studies, trials, json.loads(sys.stdin.readline())):
        study.tell(trial, value)

timing = work["timing"]
space = space_of(timing["space"])
say([milliseconds(space, timing["trials"][:size]) for size in timing["sizes"]])
