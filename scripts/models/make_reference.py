"""Computes minilm-reference.json: run by a developer when the reference sentences change, never by `make models`.

The forward pass below is plain numpy straight from the safetensors weights and shares no code with
export_bert.py, so that an error in the exporter cannot hide in its own reference. Needs `numpy` and `tokenizers`:

    python3 make_reference.py DIR_WITH_SAFETENSORS > minilm-reference.json
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

SENTENCES = [
    "The lease expires after thirty seconds unless the worker renews it.",
    "A",
    "",
    "To restart the service, run `systemctl restart nexus` and read the log; error E-1042 means that the port is taken.",
    "Photosynthesis turns light, water and carbon dioxide into sugar and oxygen. " * 4,
]
WINDOW = 256


def load(path):
    blob = path.read_bytes()
    size = int.from_bytes(blob[:8], "little")
    header = json.loads(blob[8 : 8 + size])
    return {
        name: np.frombuffer(blob, "<f4", offset=8 + size + entry["data_offsets"][0], count=math.prod(entry["shape"]))
        .reshape(entry["shape"])
        .astype(np.float64)
        for name, entry in header.items()
        if name != "__metadata__" and entry["dtype"] == "F32"
    }


def norm(x, w, name):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12) * w[name + ".weight"] + w[name + ".bias"]


def dense(x, w, name):
    return x @ w[name + ".weight"].T + w[name + ".bias"]


def forward(ids, w, layers, heads):
    """BERT (Devlin et al. 2018), one unpadded sentence, in float64; mean-pooled and normalised."""
    e = "embeddings."
    x = w[e + "word_embeddings.weight"][ids] + w[e + "position_embeddings.weight"][: len(ids)]
    x = norm(x + w[e + "token_type_embeddings.weight"][0], w, e + "LayerNorm")
    erf = np.vectorize(math.erf)
    for layer in range(layers):
        p = "encoder.layer.%d." % layer
        q, k, v = (
            dense(x, w, p + "attention.self." + part).reshape(len(ids), heads, -1).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        scores = q @ k.swapaxes(1, 2) / math.sqrt(q.shape[-1])
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        context = (weights / weights.sum(-1, keepdims=True)) @ v
        context = context.swapaxes(0, 1).reshape(len(ids), -1)
        x = norm(x + dense(context, w, p + "attention.output.dense"), w, p + "attention.output.LayerNorm")
        wide = dense(x, w, p + "intermediate.dense")
        wide = wide * 0.5 * (1.0 + erf(wide / math.sqrt(2.0)))
        x = norm(x + dense(wide, w, p + "output.dense"), w, p + "output.LayerNorm")
    pooled = x.mean(0)
    return pooled / np.linalg.norm(pooled)


def main():
    folder = Path(sys.argv[1])
    config = json.loads((folder / "config.json").read_text())
    weights = load(folder / "model.safetensors")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(WINDOW)
    samples = []
    for text in SENTENCES:
        ids = tokenizer.encode(text).ids
        vector = forward(ids, weights, config["num_hidden_layers"], config["num_attention_heads"])
        samples.append({"text": text, "input_ids": ids, "vector": [round(float(x), 6) for x in vector]})
    body = ",\n".join(json.dumps(sample, separators=(",", ":")) for sample in samples)
    print('{"model":"all-MiniLM-L6-v2","samples":[\n%s\n]}' % body)


if __name__ == "__main__":
    main()
