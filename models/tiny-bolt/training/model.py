"""The network: Chronos-Bolt's contract (context in, quantiles of the next block out) at a million parameters.

A context of 512 steps is cut into patches of 16, embedded, and read by a small pre-norm transformer encoder. A learned
token at the end collects what the head turns into 9 quantiles of the next 64 steps.

Lengths are numbers of the network and never asked of a tensor: each question would be three to six nodes of the exported
graph, and a graph takes longer to load than its weights.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
# sinh of 12 is 8e4 scales from the anchor: beyond it float32 forecasts are no longer useful.
CLAMP = 12.0


def attention(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
    """Of [batch, tokens, width], with a head for each [tokens, tokens] of the bias [batch, heads, tokens, tokens]."""
    heads = bias.shape[1]
    if torch.onnx.is_in_onnx_export():
        # One node instead of eleven, but without a gradient.
        return torch.onnx.ops.attention(query, key, value, bias, q_num_heads=heads, kv_num_heads=heads)[0]
    split = (each.unflatten(-1, (heads, -1)).transpose(1, 2) for each in (query, key, value))
    return F.scaled_dot_product_attention(*split, bias).transpose(1, 2).flatten(2)


class ResidualBlock(nn.Module):
    """A two-layer perceptron beside a linear path."""

    def __init__(self, inputs: int, hidden: int, outputs: int):
        super().__init__()
        self.hidden = nn.Linear(inputs, hidden)
        self.output = nn.Linear(hidden, outputs)
        self.skip = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(F.relu(self.hidden(x))) + self.skip(x)


class EncoderLayer(nn.Module):
    def __init__(self, width: int, feed_forward: int):
        super().__init__()
        self.attention_norm = nn.RMSNorm(width, eps=1e-6)
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.attention_output = nn.Linear(width, width, bias=False)
        self.feed_norm = nn.RMSNorm(width, eps=1e-6)
        self.feed_in = nn.Linear(width, feed_forward, bias=False)
        self.feed_out = nn.Linear(feed_forward, width, bias=False)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        x = x + self.attend(self.attention_norm(x), bias)
        return x + self.feed_out(F.relu(self.feed_in(self.feed_norm(x))))

    def attend(self, x: Tensor, bias: Tensor) -> Tensor:
        query, key, value = self.query_key_value(x).chunk(3, -1)
        return self.attention_output(attention(query, key, value, bias))


class TinyBolt(nn.Module):
    """`forward(context [batch, 512])` gives quantiles [batch, 9, 64] in the unit of the series.

    NaN in the context is a missing value or left padding. Quantiles are not forced to be monotone.
    """

    def __init__(self, context=512, patch=16, horizon=64, width=128, feed_forward=384, heads=4, layers=4):
        super().__init__()
        self.context, self.patch, self.horizon = context, patch, horizon
        self.embed = ResidualBlock(2 * patch, feed_forward, width)
        self.layers = nn.ModuleList(EncoderLayer(width, feed_forward) for _ in range(layers))
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.summary_token = nn.Parameter(torch.randn(width) * 0.05)
        self.head = ResidualBlock(width, feed_forward, len(LEVELS) * horizon)
        # One bias per head and distance between patches, shared by all layers.
        self.distance_bias = nn.Parameter(torch.zeros(heads, context // patch + 1))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.7 * module.in_features**-0.5)

    def forward(self, context: Tensor) -> Tensor:
        quantiles, anchor, scale = self.scaled(context)
        return torch.sinh(quantiles.clamp(-CLAMP, CLAMP)) * scale.unsqueeze(-1) + anchor.unsqueeze(-1)

    def scaled(self, context: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Quantiles of asinh((y - anchor) / scale), with anchor and scale [batch, 1]: what the loss is taken of."""
        observed = context == context
        seen = observed.to(context.dtype)
        values = torch.where(observed, context, torch.tensor(0.0))
        anchor, scale = self.normalisation(values, seen)
        return self.encode(torch.asinh((values - anchor) / scale) * seen, seen), anchor, scale

    def normalisation(self, values: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Anchor: the last observed value. Scale: mean absolute change, at least 5 % of the standard deviation."""
        count = seen.sum(-1, keepdim=True).clamp(min=1.0)
        mean = values.sum(-1, keepdim=True) / count
        deviation = torch.sqrt((((values - mean) * seen) ** 2).sum(-1, keepdim=True) / count)
        position = torch.arange(1, self.context + 1, dtype=values.dtype)
        last = (position * seen).max(-1, keepdim=True)[0]
        anchor = (values * (position == last).to(values.dtype)).sum(-1, keepdim=True)
        pairs = seen[:, 1:] * seen[:, :-1]
        changes = ((values[:, 1:] - values[:, :-1]).abs() * pairs).sum(-1, keepdim=True)
        scale = torch.maximum(changes / pairs.sum(-1, keepdim=True).clamp(min=1.0), 0.05 * deviation)
        return anchor, torch.where(scale > 0, scale, torch.tensor(1e-5))

    def encode(self, values: Tensor, seen: Tensor) -> Tensor:
        patches = self.context // self.patch
        patched = seen.reshape(-1, patches, self.patch)
        tokens = self.embed(torch.cat([values.reshape(-1, patches, self.patch), patched], -1))
        tokens = F.pad(tokens, (0, 0, 0, 1)) + F.pad(self.summary_token.unsqueeze(0), (0, 0, patches, 0))
        index = torch.arange(patches + 1)
        bias = self.distance_bias[:, (index[:, None] - index[None, :]).abs()].unsqueeze(0)
        absent = F.pad((patched.sum(-1) <= 0).to(values.dtype), (0, 1))
        bias = bias + absent.reshape(-1, 1, 1, patches + 1) * -1e9
        for layer in self.layers:
            tokens = layer(tokens, bias)
        return self.head(self.norm(tokens[:, -1])).reshape(-1, len(LEVELS), self.horizon)


def quantile_loss(predicted: Tensor, actual: Tensor, weight: Tensor) -> Tensor:
    """Mean pinball loss times two. `predicted` [batch, 9, steps], `actual` and `weight` [batch, steps]."""
    levels = torch.tensor(LEVELS).view(1, -1, 1)
    error = actual.unsqueeze(1) - predicted
    return (2 * torch.maximum(error * levels, error * (levels - 1)) * weight.unsqueeze(1)).mean()
