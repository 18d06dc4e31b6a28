#!/usr/bin/env python3
"""Measures what a second API process is worth: searches a second of one `nexus api` and of two, over HTTP.

    cargo build --locked --workspace --bins --example stand_in
    python3 scripts/bench_scale.py --nexus target/debug/nexus --stand-in target/debug/examples/stand_in [--models data/models]

What is real: the `nexus` processes, PostgreSQL (from the installed binaries), HTTP, rows, rights, hydration, and the
embedding of each question where --models is given. What is simulated: the Qdrant server is the test suite's stand-in, and
the way to PostgreSQL and to it takes a fixed time each way back (--latency), put there by a proxy that only waits. A process
is so bounded by its connections to the database (--pool) and not by the processor, which all share here: with P connections
and k round trips of L seconds it cannot serve more than P / (k L) questions a second. What is shown is that a second process
brings its own share: that processes do not wait for each other in rows, locks or the store. It says nothing about how fast
a machine of its own would be. Standard library only; Linux.
"""

import argparse
import asyncio
import http.client
import json
import multiprocessing
import os
import pwd
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import threading
import time
import uuid
from pathlib import Path

KEY = "a-key-for-benchmarks"
TICKS = os.sysconf("SC_CLK_TCK")
PAGES = 300


def find_postgres():
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not folders:
        raise SystemExit("PostgreSQL is not installed")
    return folders[-1].parent


class Postgres:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="nexus-bench-pg-")
        user = {}
        if os.geteuid() == 0:  # it refuses to run as root
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            user = {"user": owner.pw_uid, "group": owner.pw_gid}
        binaries, data = find_postgres(), f"{self.folder}/data"
        subprocess.run(
            [binaries / "initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D", data],
            check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **user,
        )
        command = [binaries / "postgres", "-D", data, "-k", self.folder, "-c", "listen_addresses=", "-c", "max_connections=200"]
        self.process = subprocess.Popen(command, cwd=self.folder, stderr=subprocess.PIPE, text=True, **user)
        for line in self.process.stderr:
            if "ready to accept connections" in line:
                break
        else:
            raise SystemExit("PostgreSQL did not start")
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self.socket = f"{self.folder}/.s.PGSQL.5432"

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        shutil.rmtree(self.folder)


class StandIn:
    def __init__(self, binary):
        self.folder = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen([binary, self.folder.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().strip().rsplit(":", 1)[1])

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.folder.cleanup()


async def relay(target, latency, reader, writer):
    """Bytes go there at once and come back `latency` later, in order, however many are on their way."""
    loop = asyncio.get_running_loop()
    if isinstance(target, str):
        from_server, to_server = await asyncio.open_unix_connection(target)
    else:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", target)
    waiting = asyncio.Queue()

    async def there():
        while piece := await reader.read(1 << 16):
            to_server.write(piece)
            await to_server.drain()
        to_server.close()

    async def arrive():
        while piece := await from_server.read(1 << 16):
            waiting.put_nowait((loop.time() + latency, piece))
        waiting.put_nowait((0, b""))

    async def back():
        while True:
            due, piece = await waiting.get()
            if not piece:
                writer.close()
                return
            await asyncio.sleep(max(0, due - loop.time()))
            writer.write(piece)
            await writer.drain()

    await asyncio.gather(there(), arrive(), back(), return_exceptions=True)


def run_proxy(target, latency, told):
    async def serve():
        server = await asyncio.start_server(lambda r, w: relay(target, latency, r, w), "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        async with server:
            await server.serve_forever()

    asyncio.run(serve())


def proxy(target, latency):
    """A process of its own, so that its waiting is nobody else's."""
    told, tell = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=run_proxy, args=(target, latency, tell), daemon=True)
    process.start()
    return process, told.recv()


class Nexus:
    def __init__(self, binary, role, settings):
        self.data = tempfile.TemporaryDirectory()
        env = {k: v for k, v in os.environ.items() if not k.startswith("NEXUS_")}
        env.update(settings, NEXUS_DATA_DIR=self.data.name, NEXUS_LISTEN="127.0.0.1:0", NEXUS_ADMIN_KEY=KEY)
        command = [str(Path(binary).resolve()), role]
        self.process = subprocess.Popen(command, env=env, cwd=self.data.name, stderr=subprocess.PIPE, text=True)
        last = ""
        for last in self.process.stderr:
            found = re.search(r'"message":"serving".*"address":"127.0.0.1:(\d+)"', last)
            if found:
                self.port = int(found.group(1))
                break
        else:
            raise SystemExit(f"nexus {role} did not start: {last}")
        self.drain = threading.Thread(target=self.process.stderr.read, daemon=True)
        self.drain.start()

    def cpu(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.data.cleanup()


def call(connection, method, path, body=None, content_type="application/json"):
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": content_type}
    connection.request(method, f"/api/v1{path}", body, headers)
    response = connection.getresponse()
    text = response.read()
    if response.status >= 400:
        raise SystemExit(f"{method} {path}: {response.status} {text[:300]}")
    return json.loads(text)


def fill(server):
    """One knowledge base with pages whose words tell them apart."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    call(connection, "POST", "/knowledge-bases", json.dumps({"name": "bench"}))
    for page in range(PAGES):
        text = f"# Page {page}\n\nThe valve word{page}x of line {page % 17} is opened by lever {page % 23}.\n"
        boundary = uuid.uuid4().hex
        part = f'--{boundary}\r\nContent-Disposition: form-data; name="'
        body = (
            f'{part}knowledge_base"\r\n\r\nbench\r\n{part}file"; filename="{page}.md"\r\n'
            f"Content-Type: text/markdown\r\n\r\n{text}\r\n--{boundary}--\r\n"
        )
        task = call(connection, "POST", "/ingestion/files", body.encode(), f"multipart/form-data; boundary={boundary}")
    while call(connection, "GET", f"/ingestion/tasks/{task['task_id']}")["state"] != "succeeded":
        time.sleep(0.1)


def ask(port, number, mode, until, took):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    while (begun := time.monotonic()) < until:
        number = (number * 1103515245 + 12345) % (1 << 31)
        page = number % PAGES
        question = {"query": f"which lever opens valve word{page}x", "knowledge_bases": ["bench"], "mode": mode, "limit": 5}
        found = call(connection, "POST", "/rag/search", json.dumps(question))["passages"]
        assert found[0]["document_path"] == f"{page}.md", found[0]
        took.append(time.monotonic() - begun)


def load(servers, clients, seconds, mode):
    """Closed loop: each client asks its next question when it has the answer. Questions a second, times, CPU."""
    took, spent = [], [server.cpu() for server in servers]
    until = time.monotonic() + seconds
    threads = [
        threading.Thread(target=ask, args=(servers[n % len(servers)].port, n + 1, mode, until, took)) for n in range(clients)
    ]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - begun
    cpu = sum(server.cpu() for server in servers) - sum(spent)
    took.sort()
    return len(took) / seconds, took[len(took) // 2] * 1000, took[int(len(took) * 0.99)] * 1000, cpu / len(took) * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nexus", required=True)
    parser.add_argument("--stand-in", required=True)
    parser.add_argument("--models", help="embed questions with the model in this folder (hybrid instead of lexical search)")
    parser.add_argument("--latency", type=float, default=20, help="milliseconds to the database and to the store")
    parser.add_argument("--pool", type=int, default=4, help="connections to the database, per process")
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    multiprocessing.set_start_method("fork")

    postgres, store = Postgres(), StandIn(args.stand_in)
    uploads = tempfile.TemporaryDirectory()
    database_proxy, database_port = proxy(postgres.socket, args.latency / 1000)
    store_proxy, store_port = proxy(store.port, args.latency / 1000)
    common = {
        "NEXUS_SECRET_KEY": "a-secret-key-for-benchmarks-of-32-bytes",
        "NEXUS_UPLOADS_URL": f"file://{uploads.name}",
        "NEXUS_LIMITS_PROGRAM_QUESTIONS": "0",
        "NEXUS_LIMITS_PROGRAM_UPLOADS": "0",
        "NEXUS_LIMITS_PROGRAM_REQUESTS": "0",
        "NEXUS_LOG_LEVEL": "info",
    }
    common |= {"NEXUS_MODELS_DIR": str(Path(args.models).resolve())} if args.models else {"NEXUS_MODELS_ENABLED": "false"}
    near = common | {
        "NEXUS_DATABASE_URL": f"postgres://postgres@localhost/postgres?host={postgres.folder}",
        "NEXUS_QDRANT_URL": f"http://127.0.0.1:{store.port}",
    }
    far = common | {
        "NEXUS_DATABASE_URL": f"postgres://postgres@127.0.0.1:{database_port}/postgres",
        "NEXUS_DATABASE_POOL_SIZE": str(args.pool),
        "NEXUS_QDRANT_URL": f"http://127.0.0.1:{store_port}",
    }
    mode = "hybrid" if args.models else "lexical"
    try:
        first = Nexus(args.nexus, "serve", near)
        fill(first)
        first.stop()
        results = {1: [], 2: []}
        for _ in range(args.runs):
            for processes in (1, 2):
                servers = [Nexus(args.nexus, "api", far) for _ in range(processes)]
                load(servers, args.clients, 2, mode)  # connections and plans
                results[processes].append(load(servers, args.clients, args.seconds, mode))
                for server in servers:
                    server.stop()
    finally:
        database_proxy.kill()
        store_proxy.kill()
        store.stop()
        postgres.stop()
    print(f"{mode} search, {args.latency:g} ms to each store, {args.pool} connections a process, {args.clients} clients, "
          f"{args.runs} runs of {args.seconds:g} s, medians\n")
    print("| processes | searches a second | p50 ms | p99 ms | CPU ms a search |\n|---|---|---|---|---|")
    median = {n: [statistics.median(column) for column in zip(*rows)] for n, rows in results.items()}
    for processes, figures in median.items():
        print(f"| {processes} | " + " | ".join(f"{figure:,.1f}" for figure in figures) + " |")
    print(f"\nTwo processes serve {median[2][0] / median[1][0]:.2f} times what one serves.")


if __name__ == "__main__":
    main()
