"""Packages from the Python index, by the running interpreter's pip, into folders of ours. Nothing is installed
into the interpreter or the user's site-packages."""

import os
import subprocess
import sys
import zipfile

from layout import FetchError

TIMEOUT_SECONDS = 600
# What pip's complaints mean, in the order in which they are looked for.
CAUSES = (
    ("No module named pip", "this python3 has no pip; install it (Debian, Ubuntu: `apt install python3-pip`) and try again"),
    ("No space left on device", "the disk is full"),
    ("Temporary failure in name resolution", "the package index cannot be reached; is there a network?"),
    ("NewConnectionError", "the package index cannot be reached; is there a network?"),
    ("ConnectTimeoutError", "the package index does not answer; is there a network?"),
    ("CERTIFICATE_VERIFY_FAILED", "the package index's certificate is not trusted; are CA certificates installed?"),
    ("No matching distribution found", "there is no ready-made package for this system (or pip is older than 20.3)"),
)


def run_pip(arguments):
    """Runs pip quietly. Raises FetchError with the cause in words."""
    # Settings of the user's that would contradict ours: an install to `--target` must not become one to `--user`.
    environment = dict(os.environ, PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0", PIP_NO_INPUT="1")
    environment["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    command = [sys.executable, "-m", "pip"] + arguments[:1] + ["--quiet", "--retries", "2"] + arguments[1:]
    try:
        done = subprocess.run(
            command, env=environment, timeout=TIMEOUT_SECONDS, universal_newlines=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
    except subprocess.TimeoutExpired:
        raise FetchError("pip did not finish within %d minutes" % (TIMEOUT_SECONDS // 60))
    if done.returncode == 0:
        return
    what = arguments[-1]
    for sign, cause in CAUSES:
        if sign in done.stdout:
            raise FetchError("%s: %s" % (what, cause))
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    raise FetchError("%s: pip failed: %s" % (what, lines[-1] if lines else "without a word"))


def download(requirement, folder, python_version=None):
    """Downloads the one wheel that meets the requirement on this platform; returns its path."""
    arguments = ["download", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    if python_version:
        arguments += ["--python-version", python_version]
    run_pip(arguments + [requirement])
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise FetchError("%s: pip left %d files where one was expected" % (requirement, len(wheels)))
    return wheels[0]


def install_tools(requirements, folder):
    """Installs packages into a folder that a child process gets as PYTHONPATH (works without venv and ensurepip)."""
    run_pip(["install", "--only-binary=:all:", "--no-warn-script-location", "--target", str(folder)] + requirements)


def version_of(wheel):
    """The version out of a wheel's file name (PEP 427: name-version-tags)."""
    return wheel.name.split("-")[1]


def extract(wheel, wanted, target):
    """Copies entries of a wheel into `target`; `wanted` maps an entry's name to a file name, or to None."""
    target.mkdir(parents=True, exist_ok=True)
    found = []
    with zipfile.ZipFile(str(wheel)) as archive:
        for entry in archive.namelist():
            name = wanted(entry)
            if name is None:
                continue
            with archive.open(entry) as source, open(target / name, "wb") as sink:
                for block in iter(lambda: source.read(1 << 20), b""):
                    sink.write(block)
            found.append(name)
    return found
