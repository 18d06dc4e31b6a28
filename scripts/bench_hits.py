#!/usr/bin/env python3
"""Measures what an answer out of the cache costs: a real `nexus serve` (SQLite, words alone, one knowledge base), asked the same
question again and again over one HTTP connection.

    python3 scripts/bench_hits.py --nexus target/debug/nexus [--against OTHER] [--hits 1000] [--runs 5]

Prints one line a run: CPU milliseconds of the server per hit (Linux: /proc), with rights, limits and the keeping of each answer
for its replay, and the milliseconds that the client waits. With --against, the two programs take turns. Standard library only.
"""

import argparse
import json
import statistics
import tempfile
import zipfile
from pathlib import Path

from bench import Server
from bench_search import Asker

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "sample" / "en"
QUESTION = "How do I reset the administrator password?"


def hits(nexus, archive, wanted):
    server = Server(nexus, None)
    try:
        kb = server.call("POST", "/knowledge-bases", {"name": "bench"})["id"]
        server.settled(server.upload(archive, kb)[0])
        server.quiet()
        asker = Asker(server.port, "rag/query")
        body = json.dumps({"question": QUESTION}).encode()
        # The first is made, and the next ones find what they refer to in memory.
        for _ in range(20):
            answer = json.loads(asker.ask(body)[1])
        if answer["generation"]["cached"] != "answer":
            raise SystemExit("the answer did not come out of the cache")
        cpu = server.cpu()
        waits = sorted(asker.ask(body)[0] for _ in range(wanted))
        return (server.cpu() - cpu) / wanted * 1000, waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
    finally:
        server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nexus", required=True)
    parser.add_argument("--against")
    parser.add_argument("--hits", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    programs = [program for program in (args.nexus, args.against) if program]
    with tempfile.NamedTemporaryFile(suffix=".zip") as file:
        with zipfile.ZipFile(file, "w") as out:
            for path in sorted(SAMPLE.rglob("*.md")):
                out.write(path, path.relative_to(SAMPLE))
        file.flush()
        cpus = {program: [] for program in programs}
        print("| program | CPU ms a hit | p50 ms | p99 ms |\n|---|---|---|---|")
        for _ in range(args.runs):
            for program in programs:
                cpu, p50, p99 = hits(program, Path(file.name), args.hits)
                cpus[program].append(cpu)
                print(f"| {program} | {cpu:.2f} | {p50:.2f} | {p99:.2f} |", flush=True)
    for program, found in cpus.items():
        print(f"{program}: median {statistics.median(found):.2f} ms CPU a hit, {min(found):.2f} to {max(found):.2f}")


if __name__ == "__main__":
    main()
