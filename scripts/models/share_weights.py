"""Moves the weights of an ONNX model out of model.onnx into a file beside it, which sessions map and share.

Started by fetch.py like export_bert.py:  python3 share_weights.py FOLDER

Nexus gives questions a session of their own beside that of ingestion. With the weights inside the graph's file each
session holds its own copy of them (470 MB for multilingual-e5-small, most of it the vocabulary); mapped, they are there once.
"""

import os
import sys
from pathlib import Path

import onnx
from onnx import TensorProto, numpy_helper

from export_bert import EXTERNAL_FROM_BYTES, WEIGHTS_FILE, tensor


def main():
    folder = Path(sys.argv[1])
    path = folder / "model.onnx"
    model = onnx.load(str(path), load_external_data=False)
    moved = 0
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
    print("%d MB of weights can be shared" % (moved >> 20))


if __name__ == "__main__":
    main()
