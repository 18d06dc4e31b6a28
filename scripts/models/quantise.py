"""Writes a model's graph with 8-bit weights, one scale per channel; activations are quantised as the graph runs.

Started by int8.py in a process of its own, with the private tools folder on PYTHONPATH:

    python3 quantise.py MODEL_FOLDER TARGET.onnx

Only the products with weights are quantised: the vocabulary is looked up, not multiplied, and stays as it is.
"""

import logging
import sys
from pathlib import Path

from onnxruntime.quantization import QuantType, quantize_dynamic


def main():
    # It recommends a preprocessing that our graphs do not need.
    logging.disable(logging.WARNING)
    source, target = Path(sys.argv[1]) / "model.onnx", Path(sys.argv[2])
    quantize_dynamic(source, target, per_channel=True, weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul"])
    print("quantised: %d MB instead of the %d MB of fp32" % (target.stat().st_size >> 20, total(source.parent) >> 20))


def total(folder):
    return sum(path.stat().st_size for path in folder.glob("model.onnx*"))


if __name__ == "__main__":
    main()
