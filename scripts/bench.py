#!/usr/bin/env python3
"""Measures what an ingestion costs, from outside: a real `nexus serve` on a throw-away folder, driven over HTTP.

    python3 scripts/bench.py --nexus target/release/nexus --corpus ARCHIVE [--runs 3] [--models data/models] [--large 2048]

Prints one Markdown table: the median, the least and the most of all runs. CPU seconds and memory are the operating system's
account of the server process (Linux: /proc). With --models, the archive is then uploaded into a second knowledge base, where
every vector is known: that is the cost of the dense path without the model's forward pass. Standard library only.
"""

import argparse
import http.client
import json
import os
import random
import re
import signal
import statistics
import subprocess
import tempfile
import time
import uuid
import zipfile
from pathlib import Path

KEY = "a-key-for-benchmarks"
TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    def __init__(self, binary, models, data=None, extra=None):
        self.binary, self.extra = binary, extra or {}
        self.data = data or tempfile.TemporaryDirectory()
        env = {k: v for k, v in os.environ.items() if not k.startswith("NEXUS_")}
        # Knowledge bases that measure themselves would be measured along.
        env["NEXUS_ANSWERS_CALIBRATION_SECONDS"] = "0"
        env.update(NEXUS_DATA_DIR=self.data.name, NEXUS_LISTEN="127.0.0.1:0", NEXUS_ADMIN_KEY=KEY)
        env.update({f"NEXUS_LIMITS_PROGRAM_{what}": "0" for what in ("QUESTIONS", "UPLOADS", "REQUESTS")})
        if models:
            env["NEXUS_MODELS_DIR"] = str(Path(models).resolve())
        else:
            env["NEXUS_MODELS_ENABLED"] = "false"
        env.update(self.extra)
        command = [str(Path(binary).resolve()), "serve"]
        self.process = subprocess.Popen(command, env=env, cwd=self.data.name, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            found = re.search(r'"message":"serving".*"address":"127.0.0.1:(\d+)"', line)
            if found:
                self.port = int(found.group(1))
                break
        else:
            raise SystemExit("the server did not start")
        # Its log must never fill the pipe.
        self.drain = subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=subprocess.DEVNULL)

    def halt(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.drain.wait()

    def stop(self):
        self.halt()
        self.data.cleanup()

    def again(self, models):
        """Another start on the same folder."""
        return Server(self.binary, models, self.data, self.extra)

    def cpu(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self, what):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{what}:\s+(\d+) kB", status).group(1)) / 1024

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        connection.request(method, f"/api/v1{path}", json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        text = response.read()
        if response.status >= 400:
            raise SystemExit(f"{method} {path}: {response.status} {text[:300]}")
        return json.loads(text) if text else None

    def upload(self, archive, kb):
        """Sends the archive; returns the task and the seconds from the last byte to its id."""
        boundary = uuid.uuid4().hex
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="knowledge_base"\r\n\r\n{kb}\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{archive.name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        tail = f"\r\n--{boundary}--\r\n".encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.putrequest("POST", "/api/v1/ingestion/archives")
        connection.putheader("Authorization", f"Bearer {KEY}")
        connection.putheader("Content-Type", f"multipart/form-data; boundary={boundary}")
        connection.putheader("Content-Length", str(len(head) + archive.stat().st_size + len(tail)))
        connection.endheaders()
        connection.send(head)
        with archive.open("rb") as file:
            while piece := file.read(1 << 20):
                connection.send(piece)
        connection.send(tail)
        last_byte = time.monotonic()
        accepted = json.loads(connection.getresponse().read())
        return accepted["task_id"], time.monotonic() - last_byte, last_byte

    def settled(self, task):
        while True:
            state = self.call("GET", f"/ingestion/tasks/{task}")
            if state["state"] not in ("queued", "running"):
                assert state["state"] == "succeeded", state
                return state
            time.sleep(0.05)

    def quiet(self):
        """Waits until no task is queued or running."""
        while any(task["state"] in ("queued", "running") for task in self.call("GET", "/ingestion/tasks")["items"]):
            time.sleep(0.2)

    def is_busy(self):
        before = self.cpu()
        time.sleep(2)
        return self.cpu() - before > 0.2

    def documents(self, kb):
        return self.call("GET", f"/knowledge-bases/{kb}")["documents"]


def folder_bytes(folder):
    return sum(path.stat().st_blocks * 512 for path in Path(folder).rglob("*") if path.is_file())


def lexical(args):
    server = Server(args.nexus, None)
    try:
        kb = server.call("POST", "/knowledge-bases", {"name": "bench"})["id"]
        time.sleep(1)
        rest, cpu = server.memory("VmRSS"), server.cpu()
        task, to_task_id, sent = server.upload(args.corpus, kb)
        while server.documents(kb) == 0:
            time.sleep(0.01)
        first = time.monotonic() - sent
        state = server.settled(task)
        whole = time.monotonic() - sent
        spent = server.cpu() - cpu
        chunks = state["counts"]["chunks_indexed"]
        return {
            "chunks": chunks,
            "chunks per CPU-second (polling included)": chunks / spent,
            "seconds to the whole archive": whole,
            "seconds to the first documents": first,
            "milliseconds from the last byte to `task_id`": to_task_id * 1000,
            "MiB at rest, no model": rest,
            "MiB at its peak above rest": server.memory("VmHWM") - rest,
            "database bytes per chunk": folder_bytes(Path(server.data.name)) / chunks
            - folder_bytes(Path(server.data.name, "vectors")) / chunks,
            "index bytes per chunk": folder_bytes(Path(server.data.name, "vectors")) / chunks,
        }
    finally:
        server.stop()


def dense(args):
    server = Server(args.nexus, args.models)
    try:
        rows = {}
        for name in ("first", "second"):
            kb = server.call("POST", "/knowledge-bases", {"name": name})["id"]
            cpu = server.cpu()
            task, _, _ = server.upload(args.corpus, kb)
            counts = server.settled(task)["counts"]
            spent = server.cpu() - cpu
            chunks = counts["chunks_indexed"]
            if name == "first":
                rows["CPU milliseconds per chunk, model included"] = spent / chunks * 1000
                rows["MiB with the model"] = server.memory("VmHWM")
            else:
                assert counts["chunks_embedded"] == 0, counts
                rows["CPU milliseconds per chunk, all vectors known (lexical path included)"] = spent / chunks * 1000
        return rows
    finally:
        server.stop()


def large(args):
    """One upload of random bytes, one KiB below so many MiB: no archive, so only receiving it is measured."""
    server = Server(args.nexus, None)
    try:
        kb = server.call("POST", "/knowledge-bases", {"name": "bench"})["id"]
        with tempfile.NamedTemporaryFile() as file:
            piece = os.urandom(1 << 20)
            for _ in range(args.large):
                file.write(piece)
            file.truncate(args.large * (1 << 20) - 1024)
            _, to_task_id, _ = server.upload(Path(file.name), kb)
        return {
            f"milliseconds from the last byte of {args.large:,} MiB to `task_id`": to_task_id * 1000,
            "MiB at its peak while receiving them": server.memory("VmHWM"),
        }
    finally:
        server.stop()


def alike(corpus, count, folder):
    """So many documents of one shape, out of the words of an archive."""
    with zipfile.ZipFile(corpus) as zipped:
        names = [name for name in sorted(zipped.namelist()) if name.endswith(".md")][:60]
        words = [word for name in names for word in zipped.read(name).decode().split() if word.isalpha()]
    one, path = random.Random(1), Path(folder, "alike.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for number in range(count):
            parts = (" ".join(one.choice(words) for _ in range(180)) + "." for _ in range(3))
            zipped.writestr(f"{number:05}.md", f"# Document {number}\n\n" + "\n\n".join(parts))
    return path


def eta(args):
    """How right a task is about the end of its stage when a fifth of it is done."""
    server = Server(args.nexus, args.models)
    try:
        server.call("POST", "/knowledge-bases", {"name": "bench"})
        corpus = alike(args.corpus, args.eta, server.data.name) if args.eta > 1 else args.corpus
        task, _, _ = server.upload(corpus, "bench")
        fifth, ends = {}, {}
        while True:
            state = server.call("GET", f"/ingestion/tasks/{task}")
            if state["state"] not in ("queued", "running"):
                break
            progress, now = state["progress"], time.monotonic()
            stage, done, total = progress["stage"], progress["done"], progress.get("total")
            ends[stage] = now
            if total and done * 5 >= total and progress.get("eta_seconds") is not None:
                fifth.setdefault(stage, (now, progress["eta_seconds"]))
            time.sleep(0.05)
        return {
            f"{stage}: seconds to go that were told after a fifth, of those that it took": told / (ends[stage] - at)
            for stage, (at, told) in fifth.items()
            if ends[stage] - at > 2
        }
    finally:
        server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nexus", required=True)
    parser.add_argument("--corpus", required=True, type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--models", help="measure the dense path, too, with the model in this folder")
    parser.add_argument("--eta", type=int, metavar="N",
                        help="measure only the time to go that tasks tell: for the archive (1), or for so many documents of one shape")
    parser.add_argument("--large", type=int, metavar="MIB", help="measure the upload of a file of this size, too")
    args = parser.parse_args()
    parts = [eta] if args.eta else [lexical] + [dense] * bool(args.models) + [large] * bool(args.large)
    runs = [{k: v for part in parts for k, v in part(args).items()} for _ in range(args.runs)]
    print(f"{args.corpus.name}, {args.runs} runs\n\n| figure | median | least | most |\n|---|---|---|---|")
    for figure in runs[0]:
        values = [run[figure] for run in runs]
        cells = (statistics.median(values), min(values), max(values))
        print(f"| {figure} | " + " | ".join(f"{value:,.2f}" if args.eta else f"{value:,.1f}" for value in cells) + " |")


if __name__ == "__main__":
    main()
