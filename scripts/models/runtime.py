"""ONNX Runtime's shared library, out of a wheel: with OpenVINO where the processor computes in bf16 (three times the
speed of fp32), else the plain one (any of its platforms)."""

import platform
import re
from pathlib import Path

import wheels
from layout import FetchError, install_folder, require_space, say, sha256

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


# The libraries of this wheel fit each other and our calls; another version has to be tried before it is named here.
OPENVINO_REQUIREMENT = "onnxruntime-openvino==1.24.1"
OPENVINO_SHA256 = "d617fac2f59a6ab5ea59a788c3e1592240a129642519aaeaa774761dfe35150e"
# What a CPU needs of it: 127 of 256 MB.
OPENVINO_LIBRARY = re.compile(
    r"onnxruntime/capi/(libonnxruntime\.so\.[\d.]+|libonnxruntime_providers_(?:openvino|shared)\.so"
    r"|libopenvino(?:_onnx_frontend)?\.so\.\d{4}|libopenvino_intel_cpu_plugin\.so|libtbb\.so\.12|libtbbmalloc\.so)$"
)
OPENVINO_FILES = 8
OPENVINO_MEGABYTES = 400
KINDS = ("plain", "openvino")


def computes_bf16(cpuinfo):
    """Whether the flags of /proc/cpuinfo name bf16 instructions."""
    flags = [line.split(":", 1)[1].split() for line in cpuinfo.splitlines() if line.split(":")[0].strip() == "flags"]
    return any("amx_bf16" in words or "avx512_bf16" in words for words in flags[:1])


def best_kind():
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return "plain"
    try:
        return "openvino" if computes_bf16(Path("/proc/cpuinfo").read_text()) else "plain"
    except OSError:
        return "plain"


def openvino_wanted(entry):
    match = OPENVINO_LIBRARY.match(entry)
    if not match:
        return LICENCES.get(entry)
    return "libonnxruntime.so" if match.group(1).startswith("libonnxruntime.so") else match.group(1)


def fetch(root, work, choice="auto"):
    """Installs the runtime under root/runtime; returns its part of the manifest and the folder."""
    kind = best_kind() if choice == "auto" else choice
    if kind == "openvino":
        try:
            return fetch_openvino(root, work)
        except FetchError as reason:
            if choice != "auto":
                raise
            say("OpenVINO: %s; taking plain ONNX Runtime, which computes in fp32" % reason)
    return fetch_plain(root, work)


def fetch_openvino(root, work):
    require_space(root, OPENVINO_MEGABYTES)
    say("ONNX Runtime with OpenVINO: downloading (about 80 MB)")
    download = work / "openvino-download"
    download.mkdir()
    wheel = wheels.download(OPENVINO_REQUIREMENT, download, PYTHON_VERSION)
    if sha256(wheel) != OPENVINO_SHA256:
        raise FetchError("%s is not the file that is expected" % wheel.name)
    version = wheels.version_of(wheel)
    prepared = work / "openvino"
    names = wheels.extract(wheel, openvino_wanted, prepared)
    if len(set(names) - set(LICENCES.values())) != OPENVINO_FILES:
        raise FetchError("%s does not hold the libraries that are expected" % wheel.name)
    return install(root, prepared, "openvino", version, "onnxruntime-openvino-", "libonnxruntime.so")


def fetch_plain(root, work):
    say("ONNX Runtime: downloading (about 25 MB)")
    download = work / "runtime-download"
    download.mkdir()
    wheel = wheels.download(REQUIREMENT, download, PYTHON_VERSION)
    prepared = work / "runtime"
    names = wheels.extract(wheel, wanted, prepared)
    libraries = [name for name in names if "onnxruntime" in name]
    if len(libraries) != 1:
        raise FetchError("%s holds no ONNX Runtime library that is known here" % wheel.name)
    return install(root, prepared, "plain", wheels.version_of(wheel), "onnxruntime-", libraries[0])


def install(root, prepared, kind, version, prefix, library):
    folder = root / "runtime" / (prefix + version)
    install_folder(prepared, folder)
    say("%s: ready" % folder.name)
    entry = {"kind": kind, "version": version, "library": (folder / library).relative_to(root).as_posix()}
    return entry, folder
