#!/usr/bin/env python3
"""Measures `POST /rag/search` over HTTP: a real `nexus serve` with many chunks of real text, asked distinct questions.

    python3 scripts/bench_search.py --nexus target/debug/nexus --corpus ARCHIVE --models data/models [--copies 1,8,71]

The archive goes into as many knowledge bases as there are copies, each with words of its own, so that no two passages are equal.
Computing the vectors of all passages would take hours, so they are drawn at random and put into the cache that an ingestion reads;
everything else is real: texts, terms, indexes, rows, and the vector of every question. Random vectors are the hard case of a
graph index. Questions are sentences of the archive's own documents. With several numbers of copies one installation grows from
each to the next, which gives a curve; what is asked beside an ingestion is measured at the last. Prints one Markdown table for each:
milliseconds as the client sees them, and CPU from the operating system (Linux: /proc); the client shares the cores. Standard
library only.
"""

import argparse
import json
import math
import os
import random
import re
import socket
import sqlite3
import struct
import tempfile
import threading
import time
import zipfile
from pathlib import Path

from bench import KEY, Server


# What a person would type: the archive's documents are Markdown, whose links and lists of names are many tokens each, and a
# line that the model's language does not cover would be asked without a vector.
PROSE = re.compile(r"[A-Za-z][A-Za-z0-9 ,.?'()-]*")


def questions(archive, wanted, seed=1):
    """Distinct sentences of English prose, of 4 to 12 words, without markup."""
    found = set()
    with zipfile.ZipFile(archive) as packed:
        names = [name for name in packed.namelist() if name.endswith(".md")]
        random.Random(seed).shuffle(names)
        for name in names:
            for line in packed.read(name).decode("utf-8", "replace").splitlines():
                for sentence in re.split(r"(?<=[.?!])\s+", line.strip()):
                    if 4 <= len(sentence.split()) <= 12 and PROSE.fullmatch(sentence):
                        found.add(sentence)
            if len(found) >= wanted * 2:
                break
    chosen = sorted(found)
    random.Random(seed).shuffle(chosen)
    if len(chosen) < wanted:
        raise SystemExit(f"the archive has only {len(chosen)} questions")
    return chosen[:wanted]


class Asker:
    """One kept-alive connection, with as little work of its own as Python allows."""

    def __init__(self, port, path="rag/search"):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.head = (
            f"POST /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {KEY}\r\nContent-Type: application/json\r\nContent-Length: "
        ).encode()

    def ask(self, body):
        started = time.perf_counter()
        self.socket.sendall(self.head + str(len(body)).encode() + b"\r\n\r\n" + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.received()
        head, _, rest = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"{head[:100]} {rest[:300]}")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(rest) < length:
            rest += self.received()
        return (time.perf_counter() - started) * 1000, rest

    def received(self):
        piece = self.socket.recv(1 << 16)
        if not piece:
            raise SystemExit("the server closed the connection")
        return piece


def bodies(texts, kbs):
    return [json.dumps({"query": text, "knowledge_bases": kbs, "limit": 10}).encode() for text in texts]


def measured(server, asked, at_once):
    """All latencies, requests a second, and CPU milliseconds of the server and of this client per request."""
    lists = [asked[n::at_once] for n in range(at_once)]
    latencies, failed = [], []

    def work(mine):
        try:
            asker = Asker(server.port)
            latencies.extend(asker.ask(body)[0] for body in mine)
        except BaseException as error:  # a thread's end is told by the one that waits for it
            failed.append(error)

    cpu, own, started = server.cpu(), time.process_time(), time.perf_counter()
    threads = [threading.Thread(target=work, args=(mine,)) for mine in lists]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise SystemExit(str(failed[0]))
    seconds, own = time.perf_counter() - started, time.process_time() - own
    return sorted(latencies), len(asked) / seconds, (server.cpu() - cpu) / len(asked) * 1000, own / len(asked) * 1000


def row(name, result):
    latencies, rate, cpu, own = result
    at = lambda share: latencies[min(len(latencies) - 1, int(len(latencies) * share))]
    print(f"| {name} | {len(latencies):,} | {at(0.5):.1f} | {at(0.99):.1f} | {rate:.0f} | {cpu:.1f} | {own:.2f} |", flush=True)


class Vectors:
    """Random unit vectors: some drawn, the others the drawn ones with their components shifted."""

    DRAWN = 4096

    def __init__(self, dimension):
        draw = random.Random(7)
        self.drawn, self.dimension, self.given = [], dimension, 0
        for _ in range(self.DRAWN):
            values = [draw.gauss(0, 1) for _ in range(dimension)]
            norm = math.sqrt(sum(value * value for value in values))
            self.drawn.append(struct.pack(f"<{dimension}f", *(value / norm for value in values)))

    def next(self):
        shift, which = divmod(self.given, self.DRAWN)
        if shift >= self.dimension:
            raise SystemExit("more passages than different vectors")
        self.given += 1
        return self.drawn[which][4 * shift :] + self.drawn[which][: 4 * shift]


def fill_cache(database, model, vectors):
    """A vector for every content that has none."""
    rows = sqlite3.connect(database)
    missing = rows.execute(
        "SELECT DISTINCT content_hash FROM chunks WHERE content_hash NOT IN (SELECT content_hash FROM embeddings WHERE model = ?)",
        (model,),
    ).fetchall()
    rows.executemany(
        "INSERT INTO embeddings (model, content_hash, vector) VALUES (?, ?, ?)",
        ((model, found, vectors.next()) for (found,) in missing),
    )
    rows.commit()
    rows.close()


def stages(server, asked):
    """Means of what the server reports of itself, in milliseconds."""
    asker, sums = Asker(server.port), {}
    for body in asked:
        report = json.loads(asker.ask(body)[1])["retrieval"]
        parts = {
            "embedding": report["embedding_milliseconds"],
            "lexical search": report["lexical"]["milliseconds"],
            "dense side": report["dense"]["milliseconds"],
            "all": report["total_milliseconds"],
        }
        for name, value in parts.items():
            sums[name] = sums.get(name, 0) + value / len(asked)
    return ", ".join(f"{name} {value:.2f}" for name, value in sums.items())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nexus", required=True)
    parser.add_argument("--corpus", required=True, type=Path)
    parser.add_argument("--models", required=True)
    parser.add_argument("--copies", default="8", help="how many knowledge bases hold the archive; several numbers: a curve")
    parser.add_argument("--requests", type=int, default=1000)
    args = parser.parse_args()
    sizes = [int(size) for size in args.copies.split(",")]

    server = Server(args.nexus, args.models)
    model = server.call("GET", "/health/ready")["dense_retrieval"]["model"]
    vectors = Vectors(server.call("GET", "/generations")["items"][0]["dimension"])
    texts = questions(args.corpus, args.requests * 5 + 200)
    kbs = []
    for size in sizes:
        server = grown(server, args, kbs, size, model, vectors)
        measure(server, args, kbs, texts, last=size == sizes[-1])
    server.quiet()
    server.stop()


def grown(server, args, kbs, size, model, vectors):
    """The installation with as many copies, all of their vectors indexed, and the optimiser at rest."""
    server.halt()
    server = server.again(models=None)
    while len(kbs) < size:
        kb = server.call("POST", "/knowledge-bases", {"name": f"bench-{len(kbs)}"})["id"]
        with altered(args.corpus, f"copy{len(kbs)}") as archive:
            server.settled(server.upload(Path(archive.name), kb)[0])
        kbs.append(kb)
    server.halt()
    fill_cache(Path(server.data.name, "nexus.db"), model, vectors)
    started = time.monotonic()
    server = server.again(models=args.models)
    server.quiet()
    time.sleep(35)  # the optimiser of the indexes looks every half minute
    while server.is_busy():
        time.sleep(1)
    print(f"\nseconds until the vectors were indexed: {time.monotonic() - started:.0f}")
    server.halt()
    started = time.monotonic()
    server = server.again(models=args.models)
    print(f"seconds to start: {time.monotonic() - started:.1f}")
    while server.is_busy():
        time.sleep(1)
    return server


def measure(server, args, kbs, texts, last):
    held = server.call("GET", "/generations")["items"][0]
    dense = server.call("GET", "/health/ready")["dense_retrieval"]
    print(f"{held['chunks']:,} chunks in {len(kbs)} knowledge bases, {os.cpu_count()} cores, {dense['model']}, {dense['runtime']}\n")
    print("| asked | requests | p50 ms | p99 ms | requests/s | server CPU ms | client CPU ms |\n|---|---|---|---|---|---|---|")
    batches = [texts[n * args.requests : (n + 1) * args.requests] for n in range(5)]
    measured(server, bodies(texts[-200:], kbs[:1]), 1)
    row("one knowledge base, one at a time", measured(server, bodies(batches[0], kbs[:1]), 1))
    row("one knowledge base, 8 at a time", measured(server, bodies(batches[1], kbs[:1]), 8))
    row("all knowledge bases, one at a time", measured(server, bodies(batches[2], []), 1))
    row("all knowledge bases, 8 at a time", measured(server, bodies(batches[3], []), 8))
    print("\nby the server's own account, one knowledge base, ms:", stages(server, bodies(texts[:200], kbs[:1])))
    print(f"MiB resident: {server.memory('VmRSS'):.0f}, of them anonymous {server.memory('RssAnon'):.0f}", flush=True)
    if not last:
        return
    more = server.call("POST", "/knowledge-bases", {"name": "more"})["id"]
    with altered(args.corpus, "more") as archive:
        task, _, _ = server.upload(Path(archive.name), more)
        print("\n| asked | requests | p50 ms | p99 ms | requests/s | server CPU ms | client CPU ms |\n|---|---|---|---|---|---|---|")
        row("one knowledge base, while an ingestion runs", measured(server, bodies(batches[4], kbs[:1]), 1))
        state = server.call("GET", f"/ingestion/tasks/{task}")
        print(f"\nthe ingestion was then {state['state']}, stage {state['progress']['stage']}")
        server.call("POST", f"/ingestion/tasks/{task}/cancel")


def altered(archive, word):
    """The same documents with a word of their own in most passages, so that no vector of theirs is known."""
    file = tempfile.NamedTemporaryFile(suffix=".zip")
    with zipfile.ZipFile(archive) as packed, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
        for name in packed.namelist():
            out.writestr(name, packed.read(name).replace(b". ", f" {word}. ".encode()).replace(b".\n", f" {word}.\n".encode()))
    file.flush()
    return file


if __name__ == "__main__":
    main()
