#!/usr/bin/env python3
"""Sends requests that schemathesis makes up from the OpenAPI description to a real `nexus serve` on a throw-away folder.

    python3 scripts/api_fuzz.py --nexus target/debug/nexus --work target/api-fuzz [--seconds 600]

Ends with 1 if an answer is a 5xx, has an undocumented status, header or shape, or if any other check of schemathesis fails. The
server holds the sample documents, a bot and a person, so that ids that exist are found. schemathesis itself is installed
into a virtual environment under --work, once.
"""

import argparse
import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import urllib.request
import venv
from pathlib import Path

VERSION = "4.32.5"
KEY = "a-key-for-fuzzing-only"
HERE = Path(__file__).resolve().parent


def schemathesis(work):
    """The program, installed if it is not there."""
    home = work / f"schemathesis-{VERSION}"
    program = home / "bin" / "schemathesis"
    if not program.exists():
        venv.EnvBuilder(with_pip=True, clear=True).create(home)
        install = [home / "bin" / "python", "-m", "pip", "install", "--quiet", f"schemathesis=={VERSION}"]
        subprocess.run(install, check=True)
    return program


class Keys(http.server.BaseHTTPRequestHandler):
    """An issuer without keys, so that a sign-in needs nothing from outside."""

    def do_GET(self):
        body = b'{"keys":[]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def issuer():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/jwks.json"


class Server:
    def __init__(self, binary, folder):
        self.log = Path(folder) / "log"
        env = {k: v for k, v in os.environ.items() if not k.startswith("NEXUS_")}
        env.update(NEXUS_DATA_DIR=folder, NEXUS_LISTEN="127.0.0.1:0", NEXUS_ADMIN_KEY=KEY, NEXUS_MODELS_ENABLED="false")
        env.update({f"NEXUS_LIMITS_PROGRAM_{what}": "0" for what in ("QUESTIONS", "UPLOADS", "REQUESTS")})
        env.update(NEXUS_HTTP_REQUESTS_PER_SECOND="1000000", NEXUS_HTTP_BURST="1000000", NEXUS_AUTH_JWKS_URL=issuer())
        command = [str(Path(binary).resolve()), "serve"]
        self.process = subprocess.Popen(command, env=env, cwd=folder, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            found = re.search(r'"message":"serving".*"address":"(127.0.0.1:\d+)"', line)
            if found:
                self.base = f"http://{found.group(1)}/api/v1"
                break
        else:
            sys.exit("the server did not start")
        self.errors = []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        """Reads the log on, and keeps what the server calls an error."""
        for line in self.process.stderr:
            if '"level":"ERROR"' in line:
                self.errors.append(line.strip())

    def call(self, method, path, body):
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        data = json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data=data, headers=headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as answer:
            return json.load(answer)

    def fill(self):
        """What the description's own examples name, so that they are found."""
        self.call("POST", "/knowledge-bases", {"name": "handbook", "visibility": "everyone"})
        bot = self.call("POST", "/bots", {"code": "docs", "name": "Docs"})
        self.call("POST", f"/bots/{bot['id']}/tokens", {"name": "fuzz"})
        self.call("POST", "/users/from-telegram", {"bot": "docs", "telegram_id": 279058397, "first_name": "Anna"})

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=60)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nexus", required=True)
    parser.add_argument("--work", required=True, help="where schemathesis is kept")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, help="a run that is to be repeated")
    args = parser.parse_args()
    work = Path(args.work).resolve()
    work.mkdir(parents=True, exist_ok=True)
    program = schemathesis(work)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(args.nexus, folder)
        try:
            server.fill()
            command = [str(program), "--config-file", str(HERE / "schemathesis.toml"), "run", f"{server.base}/openapi.json"]
            command += ["--header", f"Authorization: Bearer {KEY}", "--checks", "all", "--no-color", "--warnings", "off"]
            command += ["--max-time", str(args.seconds)]
            command += ["--seed", str(args.seed)] if args.seed is not None else []
            outcome = subprocess.run(command, cwd=work).returncode
        finally:
            status = server.stop()
    for line in server.errors[:20]:
        print(line)
    if status != 0 or server.errors:
        sys.exit(f"the server ended with {status} and logged {len(server.errors)} errors")
    sys.exit(outcome)


if __name__ == "__main__":
    main()
