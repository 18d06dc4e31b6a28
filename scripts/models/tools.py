"""Runs the scripts here that need `onnx` and `numpy`, in a process of their own with a private copy of those."""

import os
import subprocess
import sys
from pathlib import Path

import wheels
from layout import FetchError

# 1.16 is the first whose evaluator knows every operator of the exported graph; a 2.x may rename what is used.
REQUIREMENTS = ["numpy", "onnx>=1.16,<2"]
HERE = Path(__file__).resolve().parent


# What quantises; its version decides on the vectors of int8, so it is one.
QUANTISER = ["onnxruntime==1.24.1"]


def install(work, requirements=None):
    """Puts the packages into the work folder, which is removed at the end; returns where."""
    folder = work / ("tools" if requirements is None else "more-tools")
    if not folder.exists():
        wheels.install_tools(requirements or REQUIREMENTS, folder)
    return folder


def run(folder, script, *arguments):
    """Runs a script of this folder; returns its last line. Raises FetchError with that line."""
    environment = dict(os.environ, PYTHONPATH=str(folder), PYTHONNOUSERSITE="1", PYTHONDONTWRITEBYTECODE="1")
    command = [sys.executable, str(HERE / script)] + [str(argument) for argument in arguments]
    done = subprocess.run(
        command, env=environment, universal_newlines=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    if done.returncode != 0:
        raise FetchError("%s failed: %s" % (script, lines[-1] if lines else done.returncode))
    return lines[-1]
