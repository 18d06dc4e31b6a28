#!/usr/bin/env python3
"""Measures what a sync of a git repository costs when little or nothing has changed.

    python3 scripts/bench_resync.py --nexus target/release/nexus --corpus ARCHIVE.zip [--files 5000] [--seed 1]
    python3 scripts/bench_resync.py --nexus target/release/nexus --repository PATH

With --corpus a repository of so many text files is made from the archive (copies beyond the archive's own files get a word of
their own in every paragraph). Then: one line in a hundred is edited, a folder is renamed, nothing is changed, and the repository
is read into a second knowledge base. What is embedded is counted by a stand-in of an embeddings API, text by text, so the figures
hold for any model; times hold for a model that costs nothing. With --repository an existing repository is read once, whole.
Needs git. Standard library only.
"""

import argparse
import array
import base64
import json
import random
import sqlite3
import subprocess
import tempfile
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zlib import crc32

from bench import Server

DIMENSION = 64


class Embeddings(BaseHTTPRequestHandler):
    """Gives every text a vector of its own, and remembers what it was asked for."""

    protocol_version = "HTTP/1.1"
    texts = []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        Embeddings.texts.extend(texts)
        data = [
            {"object": "embedding", "index": at, "embedding": self.vector(text, body)} for at, text in enumerate(texts)
        ]
        reply = {"object": "list", "data": data, "model": body["model"], "usage": {"prompt_tokens": 1, "total_tokens": 1}}
        reply = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    @staticmethod
    def vector(text, body):
        one = random.Random(crc32(text.encode()))
        values = array.array("f", (one.uniform(-1, 1) for _ in range(DIMENSION)))
        if body.get("encoding_format") == "base64":
            return base64.b64encode(values.tobytes()).decode()
        return values.tolist()

    def log_message(self, *_):
        pass


def git(folder, *args):
    who = ["-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *args], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def commit(folder):
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "change")


def texts_of(archive, count):
    """So many files: those of the archive, then copies of them in which every paragraph is a little different."""
    with zipfile.ZipFile(archive) as zipped:
        names = [name for name in sorted(zipped.namelist()) if name.endswith((".md", ".txt", ".html", ".rst"))]
        for number in range(count):
            name = names[number % len(names)]
            text = zipped.read(name).decode("utf-8", "replace").replace("\r\n", "\n")
            turn = number // len(names)
            if turn:
                text = "\n".join(f"{line} ({turn})" if len(line) > 40 else line for line in text.split("\n"))
            yield f"part{turn}/{name}", text


def edit(folder, share, seed):
    """Changes a word in so many of the lines that say something (fences, rules and brackets alone do not); which lines of which
    files."""
    rng, edited = random.Random(seed), {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or ".git" in path.parts:
            continue
        lines = path.read_text(errors="replace").split("\n")
        for at, line in enumerate(lines):
            words = line.split(" ")
            if any(map(str.isalnum, line)) and not line.lstrip().startswith("```") and rng.random() < share:
                words[rng.randrange(len(words))] += f"x{rng.randrange(10_000)}"
                lines[at] = " ".join(words)
                edited.setdefault(str(path.relative_to(folder)), set()).add(at + 1)
        if str(path.relative_to(folder)) in edited:
            path.write_text("\n".join(lines))
    return edited


class Bench:
    def __init__(self, args):
        self.stand_in = ThreadingHTTPServer(("127.0.0.1", 0), Embeddings)
        threading.Thread(target=self.stand_in.serve_forever, daemon=True).start()
        extra = {
            "NEXUS_EMBEDDINGS_URL": f"http://127.0.0.1:{self.stand_in.server_port}/v1",
            "NEXUS_EMBEDDINGS_MODEL": "counted",
            "NEXUS_EMBEDDINGS_DIMENSION": str(DIMENSION),
            "NEXUS_EMBEDDINGS_BATCH": "256",
            "NEXUS_MODELS_ENABLED": "true",
            "NEXUS_SOURCES_LOCAL_REPOSITORIES": "true",
        }
        self.server = Server(args.nexus, None, extra=extra)

    def rows(self, sql, *values):
        database = sqlite3.connect(f"file:{self.server.data.name}/nexus.db?mode=ro", uri=True)
        try:
            return database.execute(sql, values).fetchall()
        finally:
            database.close()

    def chunks(self):
        """Path, text, first and last line, and what the embedding goes by, of every passage."""
        return self.rows(
            "SELECT d.path, c.text, c.first_line, c.last_line, c.content_hash FROM documents d"
            " JOIN chunks c ON c.version_id = d.version_id WHERE d.deleted_at IS NULL"
        )

    def measured(self, label, start):
        Embeddings.texts.clear()
        began = time.monotonic()
        state = self.server.settled(start()["task_id"])
        seconds, counts = time.monotonic() - began, state["counts"]
        print(
            f"| {label} | {counts['documents_indexed']:,} | {counts['documents_unchanged']:,} | {counts['documents_removed']:,} |"
            f" {counts['files_with_problems']:,} | {counts['chunks_indexed']:,} | {len(set(Embeddings.texts)):,} | {seconds:.1f} |"
        )
        return state

    def read(self, label, kb, folder):
        body = {"knowledge_base": kb, "source": "repository", "url": f"file://{folder}"}
        return self.measured(label, lambda: self.server.call("POST", "/ingestion/git", body))

    def sync(self, label, kb, source):
        path = f"/knowledge-bases/{kb}/sources/{source}/sync"
        return self.measured(label, lambda: self.server.call("POST", path, {}))


def why_new(before, after, edited):
    """Of the passages that are new: how many hold an edited line, stand under an edited heading, or were cut elsewhere."""
    known, texts = {chunk[4] for chunk in before}, {(path, text) for path, text, *_ in before}
    counts = {"edited": 0, "heading": 0, "cut elsewhere": 0}
    for path, text, first, last, content in after:
        if content in known:
            continue
        known.add(content)
        if any(first <= line <= last for line in edited.get(path, ())):
            counts["edited"] += 1
        elif (path, text) in texts:
            counts["heading"] += 1
        else:
            counts["cut elsewhere"] += 1
    return counts


def changed(bench, args, folder):
    texts = list(texts_of(args.corpus, args.files))
    for name, text in texts:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(folder, "init", "-q")
    commit(folder)
    kb = bench.server.call("POST", "/knowledge-bases", {"name": "first"})["id"]
    bench.server.call("POST", "/knowledge-bases", {"name": "second"})
    source = bench.read("read whole", "first", folder)["source_id"]
    before = bench.chunks()
    edited = edit(folder, args.share, args.seed)
    commit(folder)
    bench.sync("edited", kb, source)
    embedded = len(set(Embeddings.texts))
    counts = why_new(before, bench.chunks(), edited)
    (folder / "part0").rename(folder / "renamed")
    commit(folder)
    bench.sync("folder renamed", kb, source)
    bench.sync("unchanged", kb, source)
    bench.read("second knowledge base", "second", folder)
    lines = sum(map(len, edited.values()))
    beyond = counts["cut elsewhere"] / len(before) * 100
    print(
        f"\n{len(texts):,} files, {len(before):,} passages; {lines:,} lines edited in {len(edited):,} files; {embedded:,} embedded:"
        f" {counts['edited']:,} with an edited line, {counts['heading']:,} under an edited heading,"
        f" {counts['cut elsewhere']:,} cut elsewhere ({beyond:.2f} % of all)"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nexus", required=True)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--repository", type=Path)
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--share", type=float, default=0.01, help="of the lines that are edited")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    bench = Bench(args)
    try:
        print("| what | indexed | unchanged | removed | problems | passages | embedded | seconds |\n|---|---|---|---|---|---|---|---|")
        if args.repository:
            bench.server.call("POST", "/knowledge-bases", {"name": "first"})
            task = bench.read(str(args.repository.name), "first", args.repository.resolve())["id"]
            codes, cursor = {}, ""
            while cursor is not None:
                page = bench.server.call("GET", f"/ingestion/tasks/{task}/problems?limit=200{cursor}")
                for problem in page["items"]:
                    codes[problem["code"]] = codes.get(problem["code"], 0) + 1
                cursor = page.get("next_cursor") and f"&cursor={page['next_cursor']}"
            print("\nproblems: " + (", ".join(f"{code} {count:,}" for code, count in sorted(codes.items())) or "none"))
        else:
            with tempfile.TemporaryDirectory() as folder:
                changed(bench, args, Path(folder).resolve())
    finally:
        bench.server.stop()


if __name__ == "__main__":
    main()
