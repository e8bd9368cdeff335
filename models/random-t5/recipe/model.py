"""A Chronos-T5 with random weights: the same numbers with every version of torch, since NumPy draws them."""

import json
from pathlib import Path

import numpy as np
import torch
from chronos import ChronosPipeline
from chronos.chronos import ChronosConfig, ChronosModel
from transformers import T5Config, T5ForConditionalGeneration

FOLDER = Path(__file__).resolve().parent.parent

CHRONOS = dict(
    tokenizer_class="MeanScaleUniformBins",
    tokenizer_kwargs=dict(low_limit=-15.0, high_limit=15.0),
    context_length=64,
    prediction_length=16,
    n_tokens=256,
    n_special_tokens=2,
    pad_token_id=0,
    eos_token_id=1,
    use_eos_token=True,
    model_type="seq2seq",
    num_samples=20,
    temperature=1.0,
    top_k=50,
    top_p=1.0,
)


def config() -> T5Config:
    return T5Config(
        vocab_size=CHRONOS["n_tokens"],
        d_model=24,
        d_kv=8,
        d_ff=48,
        num_layers=2,
        num_heads=2,
        feed_forward_proj="relu",
        dropout_rate=0.0,
        pad_token_id=CHRONOS["pad_token_id"],
        eos_token_id=CHRONOS["eos_token_id"],
        decoder_start_token_id=0,
        chronos_config=CHRONOS,
        architectures=["T5ForConditionalGeneration"],
    )


def network() -> T5ForConditionalGeneration:
    """Weights ~ N(0, s²), large enough that laws differ from step to step and are far from uniform."""
    model = T5ForConditionalGeneration(config()).eval()
    rng = np.random.default_rng(5)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            spread = 1.5 if name == "shared.weight" else weight.shape[-1] ** -0.5
            drawn = spread * rng.standard_normal(tuple(weight.shape))
            weight.copy_(torch.from_numpy(1 + 0.1 * drawn if "norm" in name else drawn))
    return model


def pipeline() -> ChronosPipeline:
    chronos = ChronosConfig(**CHRONOS)
    return ChronosPipeline(chronos.create_tokenizer(), ChronosModel(chronos, network()))


def written_config() -> str:
    return json.dumps(config().to_dict(), indent=2, sort_keys=True) + "\n"
