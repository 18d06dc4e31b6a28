"""ONNX Runtime's shared library, out of the plain `onnxruntime` wheel (CPU, fp32, any of its platforms)."""

import re

import wheels
from layout import FetchError, install_folder, say

# fastembed 7.5 asks for the C API of version 24; every later 1.x still answers to it, a 2.x need not.
REQUIREMENT = "onnxruntime>=1.24,<2"
# Only the library inside is used, and it does not depend on the interpreter: ask for the wheel of one that all these
# versions support, so that an older python3 gets it too.
PYTHON_VERSION = "3.12"
LIBRARY = re.compile(
    r"onnxruntime/capi/(?:(libonnxruntime)\.so(?:\.[\d.]+)?|(libonnxruntime)[\d.]*\.(?:dylib)|(onnxruntime)\.dll)$"
)
LICENCES = {"onnxruntime/LICENSE": "LICENSE", "onnxruntime/ThirdPartyNotices.txt": "ThirdPartyNotices.txt"}


def wanted(entry):
    """The library under its platform's plain name, and the licence files."""
    if LIBRARY.match(entry):
        suffix = ".dll" if entry.endswith(".dll") else ".dylib" if entry.endswith(".dylib") else ".so"
        return ("onnxruntime" if suffix == ".dll" else "libonnxruntime") + suffix
    return LICENCES.get(entry)


def fetch(root, work):
    """Installs the runtime under root/runtime; returns its part of the manifest and the folder."""
    say("ONNX Runtime: downloading (about 25 MB)")
    download = work / "runtime-download"
    download.mkdir()
    wheel = wheels.download(REQUIREMENT, download, PYTHON_VERSION)
    version = wheels.version_of(wheel)
    prepared = work / "runtime"
    names = wheels.extract(wheel, wanted, prepared)
    libraries = [name for name in names if "onnxruntime" in name]
    if len(libraries) != 1:
        raise FetchError("%s holds no ONNX Runtime library that is known here" % wheel.name)
    folder = root / "runtime" / ("onnxruntime-" + version)
    install_folder(prepared, folder)
    say("ONNX Runtime %s: ready" % version)
    library = folder / libraries[0]
    return {"version": version, "library": library.relative_to(root).as_posix()}, folder
