"""The default model, multilingual-e5-small, from the model hub."""

import os
import urllib.error
import urllib.request

import tools
from layout import DEFAULT_MODEL as NAME
from layout import FetchError, Progress, install_folder, require_space, say, sha256

REPOSITORY = "intfloat/multilingual-e5-small"
# In the repository -> in the model folder. The weights come first: their answer names the commit for the rest.
FILES = (
    ("onnx/model.onnx", "model.onnx"),
    ("tokenizer.json", "tokenizer.json"),
    ("config.json", "config.json"),
    ("special_tokens_map.json", "special_tokens_map.json"),
    ("tokenizer_config.json", "tokenizer_config.json"),
    ("README.md", "README.md"),
)
SPACE_MEGABYTES = 1500
CONNECT_SECONDS = 5


def unreachable(reason):
    return FetchError("the model hub cannot be reached (%s)" % reason)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """The hub states a file's hash in its own answer, before it redirects to a store that does not know it."""

    def redirect_request(self, *_arguments):
        return None


def request(url, method):
    headers = {"User-Agent": "nexus-models"}
    if os.environ.get("HF_TOKEN"):
        headers["Authorization"] = "Bearer " + os.environ["HF_TOKEN"].strip()
    return urllib.request.Request(url, headers=headers, method=method)


def describe(url):
    """(commit, size, sha256) of a file as the hub states them; each may be None."""
    try:
        answer = urllib.request.build_opener(NoRedirect).open(request(url, "HEAD"), timeout=CONNECT_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code not in (301, 302, 303, 307, 308):
            raise unreachable("it answered %d" % error.code)
        answer = error
    except (urllib.error.URLError, OSError) as error:
        raise unreachable(getattr(error, "reason", error))
    size = answer.headers.get("X-Linked-Size")
    etag = (answer.headers.get("X-Linked-ETag") or "").strip('W/"')
    digest = etag if len(etag) == 64 else None
    return answer.headers.get("X-Repo-Commit"), int(size) if size else None, digest


def download(url, path, label):
    try:
        with urllib.request.urlopen(request(url, "GET"), timeout=30) as answer, open(path, "wb") as sink:
            length = int(answer.headers.get("Content-Length") or 0)
            progress = Progress(label, length) if length > 1 << 22 else None
            received = 0
            for block in iter(lambda: answer.read(1 << 18), b""):
                sink.write(block)
                received += len(block)
                if progress:
                    progress.add(len(block))
    except (urllib.error.URLError, OSError) as error:
        raise FetchError("%s: the download broke off: %s" % (label, getattr(error, "reason", error)))
    if length and received != length:
        raise FetchError("%s: %d of %d bytes arrived" % (label, received, length))


def share_weights(prepared, work):
    """Saves memory; without it the model works all the same."""
    try:
        say("%s: %s" % (NAME, tools.run(tools.install(work), "share_weights.py", prepared)))
    except FetchError as error:
        (prepared / "model.onnx.data").unlink(missing_ok=True)
        (prepared / "model.onnx.part").unlink(missing_ok=True)
        say("%s: stays as it came (%s)" % (NAME, error))


def fetch(root, work):
    """Installs the model folder; returns its part of the manifest and the folder. Fails quickly where there is no hub."""
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    if os.environ.get("HF_HUB_OFFLINE", "0").lower() in ("1", "true", "yes", "on"):
        raise unreachable("HF_HUB_OFFLINE is set")
    base = endpoint + "/" + REPOSITORY + "/resolve/"
    commit, size, digest = describe(base + "main/" + FILES[0][0])
    require_space(root, SPACE_MEGABYTES)
    prepared = work / NAME
    prepared.mkdir()
    for source, name in FILES:
        download(base + (commit or "main") + "/" + source, prepared / name, NAME + "/" + name)
    weights = prepared / "model.onnx"
    if size and weights.stat().st_size != size or digest and sha256(weights) != digest:
        raise FetchError("%s: the weights differ from what the hub announced; try again" % NAME)
    share_weights(prepared, work)
    folder = root / NAME
    install_folder(prepared, folder)
    return {"name": NAME, "folder": NAME, "source": "%s@%s" % (REPOSITORY, commit or "main")}, folder
