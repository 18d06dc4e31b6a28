"""The quantised graph of an installed model: `model.int8.onnx` beside `model.onnx`."""

import os

import tools
from layout import say


def make(folder, work):
    """Quantises in the work folder and moves the graph into the model's."""
    say("%s: quantising (onnx, onnxruntime and numpy: about 60 MB, removed afterwards)" % folder.name)
    packages = tools.install(work, tools.REQUIREMENTS + tools.QUANTISER)
    prepared = work / "model.int8.onnx"
    say("%s: %s" % (folder.name, tools.run(packages, "quantise.py", folder, prepared)))
    os.replace(str(prepared), str(folder / prepared.name))
