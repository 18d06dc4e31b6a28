"""Moves the weights of an ONNX model out of model.onnx into a file beside it, which sessions map and share.

Started by fetch.py like export_bert.py:  python3 share_weights.py FOLDER

Nexus gives questions a session of their own beside that of ingestion. With the weights inside the graph's file each
session holds its own copy of them (470 MB for multilingual-e5-small, most of it the vocabulary); mapped, they are there once.

On the way the lowest float, which exporters write where padding is masked, becomes a number that bf16 has.
"""

import os
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from export_bert import EXTERNAL_FROM_BYTES, MASKED, WEIGHTS_FILE, tensor

# No weight is as low as this; a constant that is masks.
LOWEST_WEIGHT = -1e30


def constants(graph):
    """The small tensors of a graph: initializers, and the values of Constant and ConstantOfShape nodes."""
    yield from (initializer for initializer in graph.initializer if initializer.data_location != TensorProto.EXTERNAL)
    for node in graph.node:
        yield from (attribute.t for attribute in node.attribute if attribute.type == onnx.AttributeProto.TENSOR)


def soften_masks(graph):
    """Replaces the lowest float by MASKED; returns how often."""
    softened = 0
    for constant in constants(graph):
        if constant.data_type != TensorProto.FLOAT:
            continue
        value = numpy_helper.to_array(constant)
        if value.nbytes < EXTERNAL_FROM_BYTES and (value < LOWEST_WEIGHT).any():
            soft = np.where(value < LOWEST_WEIGHT, np.float32(MASKED), value).astype(np.float32)
            constant.CopyFrom(numpy_helper.from_array(soft, constant.name))
            softened += 1
    return softened


def main():
    folder = Path(sys.argv[1])
    path = folder / "model.onnx"
    model = onnx.load(str(path), load_external_data=False)
    moved, softened = 0, soften_masks(model.graph)
    with open(folder / WEIGHTS_FILE, "wb") as data_file:
        for initializer in model.graph.initializer:
            embedded = initializer.data_location != TensorProto.EXTERNAL
            if initializer.data_type == TensorProto.FLOAT and embedded:
                value = numpy_helper.to_array(initializer)
                if value.nbytes >= EXTERNAL_FROM_BYTES:
                    initializer.CopyFrom(tensor(initializer.name, value, data_file))
                    moved += value.nbytes
    part = folder / "model.onnx.part"
    part.write_bytes(model.SerializeToString(deterministic=True))
    onnx.checker.check_model(str(part))
    os.replace(str(part), str(path))
    print("%d MB of weights can be shared, %d masks fit bf16" % (moved >> 20, softened))


if __name__ == "__main__":
    main()
