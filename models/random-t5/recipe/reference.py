"""Prints, as JSON, what the reference implementation (chronos-forecasting) makes of the model of model.py.

Draws are made comparable: torch.multinomial is replaced by inversion of the cumulative law at numbers both sides
compute, `uniform` below.
"""

import hashlib
import json
import logging
import math
from contextlib import contextmanager

import torch
from chronos.chronos import ChronosConfig
from model import CHRONOS, pipeline

logging.disable(logging.WARNING)
NAN = math.nan
WAVE = [20 + 4 * math.sin(t / 3) + (t % 5) for t in range(80)]
GAPS = [NAN if t % 7 == 3 else -3 + 0.25 * t for t in range(40)]

TOKENIZED = {
    "a wave, cut to the model's context": WAVE,
    "gaps": GAPS,
    "nothing observed": [NAN] * 5,
    "zeros": [0.0] * 6,
    "one value": [7.0],
    "far outside the bins": [1e-3] * 60 + [1e3, -1e3],
    "tiny": [1e-30, 2e-30, 4e-30],
    "large": [1e30, 2e30, -4e30],
    "starts and ends missing": [NAN, 1.0, 2.0, NAN],
}

# Each: prediction_length, num_samples, temperature, top_k, top_p. 24 steps are past the model's 16.
SETTINGS = [(16, 4, 1.0, 50, 1.0), (24, 5, 0.7, 0, 0.8), (24, 6, 1.6, 12, 0.6), (3, 2, 1.0, 400, 1.0)]


def uniform(series: int, path: int, step: int) -> float:
    """step counts over the whole horizon"""
    return (0.5 + 0.6180339887498949 * (path + 1) + 0.41421356237 * (step + 1) + 0.27 * series) % 1


def digest(values: torch.Tensor) -> str:
    return hashlib.sha256(values.to(torch.float32).numpy().astype("<f4").tobytes()).hexdigest()


def numbers(values) -> list:
    return [None if math.isnan(value) else value for value in values]


@contextmanager
def drawing(series: int, samples: int, laws: list):
    """Inverts the law at `uniform`, one call a step; every law is appended to `laws`."""
    original = torch.multinomial

    def invert(probs, num_samples, **_):
        step = len(laws)
        laws.append(probs)
        cumulative = probs.double().cumsum(-1)
        at = [[uniform(row // samples, row % samples, step)] for row in range(series * samples)]
        reached = torch.tensor(at, dtype=torch.float64) * cumulative[:, -1:]
        return torch.searchsorted(cumulative, reached, right=True).clamp(max=probs.shape[-1] - 1)

    torch.multinomial = invert
    try:
        yield
    finally:
        torch.multinomial = original


def tokens(pipe) -> list:
    found = []
    for name, values in TOKENIZED.items():
        ids, mask, scale = pipe.tokenizer.context_input_transform(torch.tensor([values]))
        found.append(
            dict(name=name, values=numbers(values), tokens=ids[0].tolist(), mask=mask[0].int().tolist(), scale=scale.item())
        )
    return found


def step_logits(pipe) -> dict:
    """Logits of every step of a decoder that is made to say `forced`."""
    forced = [0, 131, 140, 3, 255, 2, 128]
    ids, mask, _ = pipe.tokenizer.context_input_transform(torch.tensor([GAPS]))
    with torch.no_grad():
        logits = pipe.model.model(input_ids=ids, attention_mask=mask, decoder_input_ids=torch.tensor([forced])).logits
    return dict(values=numbers(GAPS), forced=forced, logits=[[round(x, 7) for x in row] for row in logits[0].tolist()])


def forecasts(pipe) -> list:
    found = []
    for length, samples, temperature, top_k, top_p in SETTINGS:
        laws: list = []
        series = [torch.tensor(WAVE), torch.tensor(GAPS)]
        options = dict(num_samples=samples, temperature=temperature, top_k=top_k, top_p=top_p)
        with drawing(len(series), samples, laws):
            drawn = pipe.predict(series, prediction_length=length, limit_prediction_length=False, **options)
        levels = torch.tensor([0.025, 0.1, 0.5, 0.9, 0.975])
        quantiles = torch.quantile(drawn, levels, dim=1).permute(1, 2, 0)
        found.append(
            dict(
                horizon=length,
                **options,
                kept=[int((law > 0).sum()) for law in laws[0]],
                samples=drawn.tolist(),
                levels=[0.025, 0.1, 0.5, 0.9, 0.975],
                quantiles=quantiles.tolist(),
                mean=drawn.mean(1).tolist(),
            )
        )
    return found


def tables() -> list:
    found = []
    for n_tokens in (256, 4096):
        tokenizer = ChronosConfig(**{**CHRONOS, "n_tokens": n_tokens}).create_tokenizer()
        found.append(
            dict(n_tokens=n_tokens, centers=digest(tokenizer.centers), boundaries=digest(tokenizer.boundaries))
        )
    return found


if __name__ == "__main__":
    pipe = pipeline()
    series = dict(wave=WAVE, gaps=numbers(GAPS))
    print(
        json.dumps(
            dict(
                series=series,
                tables=tables(),
                tokens=tokens(pipe),
                logits=step_logits(pipe),
                forecasts=forecasts(pipe),
            )
        )
    )
