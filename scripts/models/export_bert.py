"""Writes a BERT encoder's safetensors weights as an ONNX graph, with `onnx` and `numpy` alone (no torch).

Started by fetch.py in a process of its own, with the private tools folder on PYTHONPATH:

    python3 export_bert.py --source DIR --target DIR --reference minilm-reference.json

The graph takes input_ids, attention_mask and token_type_ids (int64, [batch, sequence], both free) and gives
last_hidden_state (float32, [batch, sequence, hidden]); pooling and normalising are the caller's. It is made of
standard operators only, in the order in which ONNX Runtime's optimiser recognises and fuses them (skip +
LayerNormalization, bias + Gelu, MatMul + transpose + scale); one MatMul computes query, key and value together.
The weights lie in a file of their own, aligned to pages, so that the sessions of a process map and share them.
"""

import argparse
import json
import struct
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

# 17 has LayerNormalization, 20 has Gelu, as single operators; no newer feature is needed, so old runtimes load it.
OPSET = 20
IR_VERSION = 9
# ONNX Runtime maps external data only where an offset is a multiple of the allocation granularity: 64 KiB on
# Windows, a page elsewhere.
ALIGNMENT = 64 * 1024
WEIGHTS_FILE = "model.onnx.data"
# Smaller tensors stay in the graph: shapes, scales, biases.
EXTERNAL_FROM_BYTES = 16 * 1024
MIN_COSINE = 0.9999
# Not the lowest float, which others use: rounded to bf16 that is minus infinity, and 0 times infinity is no number.
MASKED = -30_000.0


def read_safetensors(path):
    """The file's float32 tensors by name. Format: u64 length, JSON header, raw little-endian data."""
    raw = np.memmap(path, dtype=np.uint8, mode="r")
    (header_length,) = struct.unpack("<Q", raw[:8].tobytes())
    header = json.loads(raw[8 : 8 + header_length].tobytes().decode("utf-8"))
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        begin, end = (8 + header_length + offset for offset in entry["data_offsets"])
        tensors[name] = raw[begin:end].view("<f4").reshape(entry["shape"])
    return tensors


class Graph:
    """Nodes and initializers, collected in order."""

    def __init__(self):
        self.nodes = []
        self.constants = {}

    def constant(self, name, value):
        self.constants[name] = np.ascontiguousarray(value)
        return name

    def ints(self, name, *values):
        return self.constant(name, np.array(values, dtype=np.int64))

    def node(self, operator, inputs, output, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def linear(self, name, x, weight, bias):
        """x · weightᵀ + bias, the weight as torch stores it ([out, in])."""
        product = self.node("MatMul", [x, self.constant(name + ".weight", weight.T)], name + ".matmul")
        return self.node("Add", [product, self.constant(name + ".bias", bias)], name)

    def layer_norm(self, name, x, tensors, source, epsilon):
        scale = self.constant(name + ".weight", tensors[source + ".weight"])
        shift = self.constant(name + ".bias", tensors[source + ".bias"])
        return self.node("LayerNormalization", [x, scale, shift], name, axis=-1, epsilon=epsilon)


def embeddings(graph, tensors, config):
    """Word + position + type embeddings, normalised."""
    words = graph.constant("words", tensors["embeddings.word_embeddings.weight"])
    positions = graph.constant("positions", tensors["embeddings.position_embeddings.weight"])
    types = graph.constant("types", tensors["embeddings.token_type_embeddings.weight"])
    word = graph.node("Gather", [words, "input_ids"], "embedding.word")
    shape = graph.node("Shape", ["input_ids"], "embedding.shape")
    length = graph.node("Slice", [shape, graph.ints("one", 1), graph.ints("two", 2)], "embedding.length")
    position = graph.node("Slice", [positions, graph.ints("zero", 0), length], "embedding.position")
    kind = graph.node("Gather", [types, "token_type_ids"], "embedding.type")
    summed = graph.node("Add", [word, kind], "embedding.word_type")
    summed = graph.node("Add", [summed, position], "embedding.sum")
    return graph.layer_norm("embedding", summed, tensors, "embeddings.LayerNorm", config["layer_norm_eps"])


def mask_bias(graph):
    """0 where a token is, a number that softmax makes 0 of where padding is: [batch, 1, 1, sequence]."""
    wide = graph.node("Unsqueeze", ["attention_mask", graph.ints("mask.axes", 1, 2)], "mask.wide")
    real = graph.node("Cast", [wide], "mask.float", to=TensorProto.FLOAT)
    padding = graph.node("Sub", [graph.constant("mask.one", np.float32(1)), real], "mask.padding")
    lowest = graph.constant("mask.lowest", np.float32(MASKED))
    return graph.node("Mul", [padding, lowest], "mask")


def attention(graph, name, x, bias, tensors, source, config):
    """Multi-head self-attention with one product for query, key and value."""
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    size = hidden // heads
    parts = [source + ".self." + part for part in ("query", "key", "value")]
    weight = np.concatenate([tensors[part + ".weight"] for part in parts])
    shift = np.concatenate([tensors[part + ".bias"] for part in parts])
    # The scale 1/sqrt(head size) is folded into the query's weights: one operator less.
    scale = np.float32(1.0 / np.sqrt(size))
    weight[:hidden] *= scale
    shift[:hidden] *= scale
    joined = graph.linear(name + ".qkv", x, weight, shift)
    graph.nodes.append(
        helper.make_node(
            "Split", [joined], [name + suffix for suffix in (".q", ".k", ".v")], name=name + ".split", axis=-1, num_outputs=3
        )
    )
    split_shape = graph.ints("heads.shape", 0, 0, heads, size)
    turned = {}
    for part, order in (("q", (0, 2, 1, 3)), ("k", (0, 2, 3, 1)), ("v", (0, 2, 1, 3))):
        apart = graph.node("Reshape", [name + "." + part, split_shape], name + "." + part + ".heads")
        turned[part] = graph.node("Transpose", [apart], name + "." + part + ".turned", perm=list(order))
    scores = graph.node("MatMul", [turned["q"], turned["k"]], name + ".scores")
    masked = graph.node("Add", [scores, bias], name + ".masked")
    weights = graph.node("Softmax", [masked], name + ".weights", axis=-1)
    context = graph.node("MatMul", [weights, turned["v"]], name + ".context")
    back = graph.node("Transpose", [context], name + ".back", perm=[0, 2, 1, 3])
    flat = graph.node("Reshape", [back, graph.ints("hidden.shape", 0, 0, hidden)], name + ".flat")
    dense = source + ".output.dense"
    return graph.linear(name + ".out", flat, tensors[dense + ".weight"], tensors[dense + ".bias"])


def encoder_layer(graph, index, x, bias, tensors, config, last):
    source, name = "encoder.layer.%d" % index, "layer%d" % index
    epsilon = config["layer_norm_eps"]
    attended = attention(graph, name + ".attention", x, bias, tensors, source + ".attention", config)
    summed = graph.node("Add", [attended, x], name + ".attention.sum")
    x = graph.layer_norm(name + ".attention.norm", summed, tensors, source + ".attention.output.LayerNorm", epsilon)
    dense = source + ".intermediate.dense"
    wide = graph.linear(name + ".wide", x, tensors[dense + ".weight"], tensors[dense + ".bias"])
    wide = graph.node("Gelu", [wide], name + ".gelu")
    dense = source + ".output.dense"
    narrow = graph.linear(name + ".narrow", wide, tensors[dense + ".weight"], tensors[dense + ".bias"])
    summed = graph.node("Add", [narrow, x], name + ".sum")
    output = "last_hidden_state" if last else name + ".norm"
    return graph.layer_norm(output, summed, tensors, source + ".output.LayerNorm", epsilon)


def build(tensors, config):
    """The encoder as (nodes, constants by name)."""
    if config["hidden_act"] != "gelu" or config.get("position_embedding_type", "absolute") != "absolute":
        raise ValueError("only BERT with exact GELU and absolute positions can be exported")
    graph = Graph()
    x, bias = embeddings(graph, tensors, config), mask_bias(graph)
    layers = config["num_hidden_layers"]
    for index in range(layers):
        x = encoder_layer(graph, index, x, bias, tensors, config, index == layers - 1)
    return graph


def tensor(name, value, data_file):
    """An initializer: small ones inline, large ones appended to the data file at an aligned offset."""
    if value.nbytes < EXTERNAL_FROM_BYTES:
        return helper.make_tensor(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape, value.tobytes(), raw=True)
    data_file.write(b"\0" * (-data_file.tell() % ALIGNMENT))
    proto = TensorProto(
        name=name, dims=value.shape, data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL
    )
    for key, entry in (("location", WEIGHTS_FILE), ("offset", data_file.tell()), ("length", value.nbytes)):
        proto.external_data.add(key=key, value=str(entry))
    data_file.write(value.astype("<f4", copy=False).tobytes())
    return proto


def save(graph, config, target):
    """Writes model.onnx and its weights; returns the path of the graph."""
    integers = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
                for name in ("input_ids", "attention_mask", "token_type_ids")]
    hidden = [helper.make_tensor_value_info(
        "last_hidden_state", TensorProto.FLOAT, ["batch", "sequence", config["hidden_size"]])]
    with open(target / WEIGHTS_FILE, "wb") as data_file:
        initializers = [tensor(name, value, data_file) for name, value in graph.constants.items()]
    body = helper.make_graph(graph.nodes, "bert", integers, hidden, initializers)
    model = helper.make_model(
        body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="nexus"
    )
    path = target / "model.onnx"
    path.write_bytes(model.SerializeToString(deterministic=True))
    onnx.checker.check_model(str(path))
    return path


def worst_cosine(path, reference):
    """Runs the written graph (onnx's own evaluator, plain numpy) against vectors that were computed without it."""
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(str(path))
    worst = 1.0
    for sample in reference["samples"]:
        ids = np.array([sample["input_ids"]], dtype=np.int64)
        feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        pooled = evaluator.run(None, feeds)[0][0].mean(axis=0)
        expected = np.array(sample["vector"], dtype=np.float32)
        worst = min(worst, float(pooled @ expected / np.linalg.norm(pooled) / np.linalg.norm(expected)))
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True, help="folder with model.safetensors and config.json")
    parser.add_argument("--target", type=Path, required=True, help="existing folder for model.onnx and its weights")
    parser.add_argument("--reference", type=Path, required=True, help="JSON with token ids and expected vectors")
    options = parser.parse_args()
    config = json.loads((options.source / "config.json").read_text(encoding="utf-8"))
    graph = build(read_safetensors(options.source / "model.safetensors"), config)
    path = save(graph, config, options.target)
    worst = worst_cosine(path, json.loads(options.reference.read_text(encoding="utf-8")))
    if worst < MIN_COSINE:
        sys.exit("the exported graph disagrees with the reference vectors (cosine %.6f)" % worst)
    print("exported, agrees with the reference vectors (cosine %.7f)" % worst)


if __name__ == "__main__":
    main()
