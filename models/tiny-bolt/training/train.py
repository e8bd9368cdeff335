"""Trains TinyBolt on synthetic series for a given time on one thread, then exports it.

The shipped model took two legs, 48,000 steps of 64 windows in all:

    python train.py --minutes 40 --rate 1.5e-3 --out leg1
    python train.py --minutes 56 --rate 9e-4 --seed 2 --start leg1/weights.pt --out leg2
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import queue
import time
from pathlib import Path

import numpy as np
import torch

import synth
from export import export
from model import CLAMP, TinyBolt, quantile_loss

BATCH = 64
POOL = 60_000
FRESH = 2_000
# Steps between looks for fresh series: the generator waits in between and leaves the core to training.
REFRESH_EVERY = 50
AVERAGE_AFTER = 200


def generate(channel: multiprocessing.Queue, seed: int) -> None:
    """Fills the channel with pools of fresh series for ever. Waits whenever it is full."""
    os.nice(5)
    for number in range(1_000_000):
        channel.put(synth.pool(seed * 1_000_003 + number, FRESH))


class Pool:
    """The newest 60,000 series, in a ring."""

    def __init__(self, first: np.ndarray):
        self.series = np.empty((POOL, synth.LENGTH), np.float32)
        self.size, self.next = 0, 0
        self.add(first)

    def add(self, fresh: np.ndarray) -> None:
        self.series[self.next : self.next + len(fresh)] = fresh
        self.next = (self.next + len(fresh)) % POOL
        self.size = min(POOL, self.size + len(fresh))

    def refresh(self, channel: multiprocessing.Queue) -> None:
        try:
            while True:
                self.add(channel.get_nowait())
        except queue.Empty:
            return

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        return self.series[rng.integers(self.size)]


def resample(series: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Means of, or every, two to four steps."""
    stride = rng.integers(2, 5)
    if rng.random() < 0.5:
        return series[::stride]
    return series[: len(series) // stride * stride].reshape(-1, stride).mean(1)


def batch(pool: Pool, rng: np.random.Generator, model: TinyBolt) -> tuple[torch.Tensor, torch.Tensor]:
    """Random windows: contexts of 24 to 512 steps, left-padded with NaN, some with gaps, and what follows."""
    contexts = np.full((BATCH, model.context), np.nan, np.float32)
    targets = np.empty((BATCH, model.horizon), np.float32)
    for row in range(BATCH):
        series = pool.draw(rng)
        if rng.random() < 0.15:
            series = resample(series, rng)
        long = rng.random() < 0.4
        length = model.context if long else int(np.exp(rng.uniform(np.log(24), np.log(model.context))))
        length = min(length, len(series) - model.horizon)
        start = rng.integers(0, len(series) - model.horizon - length + 1)
        end = start + length
        contexts[row, model.context - length :] = series[start:end]
        targets[row] = series[end : end + model.horizon]
        if rng.random() < 0.15:
            contexts[row][rng.random(model.context) < rng.uniform(0, 0.3)] = np.nan
    return torch.from_numpy(contexts), torch.from_numpy(targets)


def loss_of(model: TinyBolt, contexts: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    predicted, anchor, scale = model.scaled(contexts)
    actual = torch.nan_to_num(torch.asinh((targets - anchor) / scale))
    # Targets beyond the clamp and constant contexts teach nothing but large numbers.
    weight = (actual.abs() < CLAMP).float() * (scale > 1e-4).float()
    return quantile_loss(predicted, actual.clamp(-CLAMP, CLAMP), weight)


def optimizer_of(model: TinyBolt, rate: float) -> torch.optim.Optimizer:
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, rate, betas=(0.9, 0.98))


def train(model: TinyBolt, minutes: float, rate: float, seed: int, channel: multiprocessing.Queue) -> None:
    """Leaves the running average of the weights in the model."""
    rng = np.random.default_rng(seed)
    optimizer = optimizer_of(model, rate)
    pool = Pool(synth.pool(seed, FRESH))
    average = {name: value.clone() for name, value in model.state_dict().items()}
    started, reported, step, smooth = time.time(), time.time(), 0, math.nan
    while (done := (time.time() - started) / 60 / minutes) < 1:
        warm_up, decay = min(1, (step + 1) / 200), 0.02 + 0.49 * (1 + math.cos(math.pi * done))
        for group in optimizer.param_groups:
            group["lr"] = rate * warm_up * decay
        if step % REFRESH_EVERY == 0:
            pool.refresh(channel)
        loss = loss_of(model, *batch(pool, rng, model))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        keep = 0.999 if step > AVERAGE_AFTER else 0.0
        for name, value in model.state_dict().items():
            average[name].mul_(keep).add_(value, alpha=1 - keep)
        smooth = loss.item() if math.isnan(smooth) else 0.99 * smooth + 0.01 * loss.item()
        if time.time() - reported > 30:
            reported = time.time()
            print(f"{done:4.0%} step {step} series {pool.size} loss {smooth:.4f}", flush=True)
    model.load_state_dict(average)
    print(f"{step} steps, loss {smooth:.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Train and export TinyBolt.")
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--rate", type=float, default=1.5e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=1, help="of weights, windows and series")
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--out", type=Path, default=Path("trained"), help="folder for the results")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(given.seed)
    model = TinyBolt()
    if given.start is not None:
        model.load_state_dict(torch.load(given.start))
    channel: multiprocessing.Queue = multiprocessing.Queue(4)
    generator = multiprocessing.Process(target=generate, args=(channel, given.seed), daemon=True)
    generator.start()
    train(model, given.minutes, given.rate, given.seed, channel)
    generator.terminate()
    given.out.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), given.out / "weights.pt")
    export(model, given.out)


if __name__ == "__main__":
    main()
