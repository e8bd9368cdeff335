"""Synthetic series to learn forecasting from. No real data enters, so the weights carry nobody's.

Gaussian processes with composed kernels follow the KernelSynth idea of the Chronos paper, mixtures of scaled series its
TSMixup; random walks, seasons, counts and trends add what a stationary kernel cannot show.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.signal import lfilter

LENGTH = 1024
PERIODS = (24, 48, 96, 168, 336, 672, 7, 14, 30, 60, 365, 730, 4, 26, 52, 4, 6, 12, 4, 40, 10)
SEASONS = (4, 6, 7, 7, 12, 12, 14, 24, 24, 24, 28, 30, 48, 52, 60, 96, 144, 168, 168, 288)
Rng = np.random.Generator


def chance(rng: Rng, p: float) -> bool:
    return rng.random() < p


def noise(rng: Rng, n: int, gaussian: float) -> np.ndarray:
    """White noise, Gaussian with the given probability, else heavy-tailed."""
    return rng.standard_normal(n) if chance(rng, gaussian) else rng.standard_t(3, n)


def kernel(rng: Rng, n: int) -> np.ndarray:
    """Autocovariance at lags 0 … n of one random stationary kernel."""
    t = np.arange(n + 1) / n
    kind = rng.integers(0, 31)
    if kind < 21:
        return np.exp(-2 * np.sin(np.pi * t * n / PERIODS[kind]) ** 2)
    if kind < 24:
        return np.exp(-0.5 * (t / (0.1, 1.0, 10.0)[kind - 21]) ** 2)
    if kind < 27:
        alpha = (0.1, 1.0, 10.0)[kind - 24]
        return (1 + t**2 / (2 * alpha)) ** -alpha
    if kind < 29:
        white = np.zeros(n + 1)
        white[0] = (0.1, 1.0)[kind - 27]
        return white
    if kind < 30:
        return np.ones(n + 1)
    return np.exp(-t / rng.choice([0.005, 0.02, 0.05]))


def gaussian_process(rng: Rng, n: int = LENGTH) -> np.ndarray:
    """A draw from sums and products of up to five kernels, by circulant embedding, sometimes with a linear trend."""
    covariance = kernel(rng, n)
    for _ in range(rng.integers(0, 5)):
        other = kernel(rng, n)
        covariance = covariance + other if chance(rng, 0.5) else covariance * other
    ring = np.concatenate([covariance, covariance[-2:0:-1]])
    spectrum = np.maximum(np.fft.rfft(ring).real, 0)
    phases = rng.standard_normal(len(spectrum)) + 1j * rng.standard_normal(len(spectrum))
    x = np.fft.irfft(phases * np.sqrt(spectrum * len(ring) / 2), len(ring))[:n]
    if chance(rng, 0.35):
        trend = np.linspace(0, 1, n) * rng.standard_normal() * 2
        offset = rng.choice([0.0, 1.0, 3.0]) * rng.standard_normal()
        x = x + trend * x.std() * 2 if chance(rng, 0.7) else x * (offset + trend)
    return x


def random_walk(rng: Rng, n: int = LENGTH) -> np.ndarray:
    x = np.cumsum(noise(rng, n, 0.6) + rng.standard_normal() * 0.05)
    if chance(rng, 0.3):
        x = np.exp(x * 0.02)
    if chance(rng, 0.3):
        x = x + rng.standard_normal(n) * rng.uniform(0.1, 3)
    return x


def arma(rng: Rng, n: int = LENGTH) -> np.ndarray:
    return lfilter([1, rng.uniform(-0.5, 0.5)], [1, -rng.uniform(0.2, 0.98)], rng.standard_normal(n))


def season(rng: Rng, period: int, t: np.ndarray) -> np.ndarray:
    """One period of harmonics or of a smoothed random profile, repeated."""
    if chance(rng, 0.5):
        harmonics = range(1, rng.integers(1, min(6, max(2, period // 2)) + 1) + 1)
        waves = (np.sin(2 * np.pi * h * (t + rng.integers(period)) / period) / h for h in harmonics)
        return sum(rng.standard_normal() * wave for wave in waves)
    width = max(1, period // 12)
    profile = rng.standard_normal(period)
    ring = np.concatenate([profile, profile[:width]])
    return np.convolve(ring, np.ones(width) / width, "same")[:period][t % period]


def seasonal(rng: Rng, n: int = LENGTH) -> np.ndarray:
    """A season, often inside a longer one, on a level with a trend, added or multiplied, under noise."""
    t = np.arange(n)
    period = int(rng.choice(SEASONS))
    x = season(rng, period, t)
    if chance(rng, 0.4):
        longer = period * rng.choice([7, 4, 5, 30])
        if chance(rng, 0.5) and period in (24, 48, 96, 144, 288):
            x = x * (1 + 0.6 * ((t // period) % 7 < 5))
        else:
            x = x + rng.uniform(0.3, 1.5) * np.sin(2 * np.pi * (t + rng.integers(longer)) / longer)
    trend = rng.standard_normal() * rng.choice([0, 0, 1, 3]) * t / n
    if chance(rng, 0.3):
        trend = trend + np.cumsum(rng.standard_normal(n)) * rng.uniform(0.005, 0.05)
    level = rng.uniform(1, 6) + trend
    x = level + x if chance(rng, 0.6) else level * (1 + 0.3 * x)
    spread = rng.choice([0.02, 0.05, 0.1, 0.2, 0.4, 0.8]) * (1 if chance(rng, 0.7) else np.abs(x) / 2)
    x = x + spread * noise(rng, n, 0.7)
    return np.maximum(x, 0) if chance(rng, 0.25) else x


def counts(rng: Rng, n: int = LENGTH) -> np.ndarray:
    """Poisson counts with a season and a wandering rate, sometimes with gaps of zeros."""
    t = np.arange(n)
    period = rng.choice([7, 12, 24, 24, 168])
    wave = rng.uniform(0, 1) * np.sin(2 * np.pi * (t + rng.integers(period)) / period)
    rate = np.exp(rng.uniform(-1.5, 3) + wave + 0.009 * np.cumsum(rng.standard_normal(n)))
    x = rng.poisson(np.minimum(rate, 1e4)).astype(float)
    return x * (rng.random(n) < rng.uniform(0.1, 0.7)) if chance(rng, 0.3) else x


def trending(rng: Rng, n: int = LENGTH) -> np.ndarray:
    """A level with persistent drift, perhaps a season that grows with it, perhaps exponential."""
    persistence = rng.choice([0.9, 0.98, 0.995, 0.999])
    drift = lfilter([1], [1, -persistence], rng.standard_normal(n)) * math.sqrt(1 - persistence**2)
    steps = rng.standard_normal(n) * rng.choice([0, 0.2, 0.5, 1])
    x = np.cumsum(rng.standard_normal() * rng.choice([0, 0.5, 1, 2]) + drift + steps)
    period = int(rng.choice([1, 4, 4, 7, 12, 12, 12, 24, 52]))
    if period > 1:
        profile = rng.standard_normal(period) * rng.choice([0.5, 2, 5, 10])
        if period >= 12 and chance(rng, 0.6):
            phase = np.arange(period) / period
            waves = (rng.standard_normal() * np.sin(2 * np.pi * (h * phase + rng.random())) for h in (1, 2, 3))
            profile = sum(waves) * rng.choice([1, 3, 10])
        growth = 1 if chance(rng, 0.6) else (1 + np.abs(x) / (np.abs(x).mean() + 1e-9)) / 2
        x = x + profile[np.arange(n) % period] * growth
    x = x + rng.standard_normal(n) * rng.choice([0, 0.1, 0.5, 1, 3])
    return np.exp((x - x.mean()) / (x.std() + 1e-9) * rng.uniform(0.2, 1.2)) if chance(rng, 0.25) else x


def distort(rng: Rng, x: np.ndarray) -> np.ndarray:
    """Now and then a level shift, outliers, rounding, a change of sign."""
    x = x.copy()
    if chance(rng, 0.08):
        x[rng.integers(len(x)) :] += rng.standard_normal() * 3 * x.std()
    if chance(rng, 0.10):
        outliers = rng.integers(0, len(x), rng.integers(1, 12))
        x[outliers] += rng.standard_normal(len(outliers)) * 6 * x.std()
    if chance(rng, 0.05):
        x = np.round(x / (x.std() + 1e-9) * rng.choice([2, 5, 10]))
    return -x if chance(rng, 0.10) else x


FAMILIES = (gaussian_process, seasonal, trending, random_walk, arma, counts)
SHARES = (0.27, 0.30, 0.21, 0.07, 0.07, 0.08)


def one(rng: Rng) -> np.ndarray:
    return distort(rng, FAMILIES[rng.choice(len(FAMILIES), p=SHARES)](rng))


def mixed(rng: Rng) -> np.ndarray:
    """One series, or the convex combination of two or three of equal scale."""
    if not chance(rng, 0.25):
        return one(rng)
    weights = rng.dirichlet([1.5] * rng.integers(2, 4))
    parts = [one(rng) for _ in weights]
    return sum(w * x / (np.abs(x).mean() + 1e-9) for w, x in zip(weights, parts))


def pool(seed: int, size: int) -> np.ndarray:
    """`size` series [size, 1024], float32. The same seed gives the same series."""
    rng = np.random.default_rng(seed)
    kept: list[np.ndarray] = []
    while len(kept) < size:
        x = mixed(rng)
        if not np.isfinite(x).all() or x.std() < 1e-8:
            continue
        huge = np.abs(x).max() > 1e6
        kept.append(((x - x.mean()) / x.std() if huge else x).astype(np.float32))
    return np.stack(kept)
