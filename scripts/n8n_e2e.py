#!/usr/bin/env python3
"""Runs the workflows of data/n8n in a real n8n against a real Nexus: a source is fetched again when n8n says so, and n8n hears
of a question without an answer.

Needs n8n (`npm install n8n`, anywhere; name its program by --n8n) and git. n8n keeps its data in SQLite unless the environment
says something else (DB_TYPE and so on), which is passed on.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socket import socket

ROOT = Path(__file__).resolve().parent.parent
KEY = "a-key-for-this-test-only"
PATIENCE_SECONDS = 180
LOOPBACK = {"no_proxy": "127.0.0.1,localhost", "NO_PROXY": "127.0.0.1,localhost"}
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port():
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def ask(method, url, body=None, headers=None):
    """Status and JSON of an answer."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data, sent, method=method)
    try:
        with OPENER.open(request, timeout=60) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text.decode(errors="replace")


def until(what, found):
    """What `found` gives, as soon as it gives anything."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            if value := found():
                return value
        except OSError:
            pass
        time.sleep(0.5)
    sys.exit(f"{what}: not within {PATIENCE_SECONDS} s")


class Nexus:
    def __init__(self, base):
        self.base = base

    def call(self, method, path, body=None, expected=(200, 201, 202)):
        status, reply = ask(method, f"{self.base}/api/v1{path}", body, {"Authorization": f"Bearer {KEY}"})
        if status not in expected:
            sys.exit(f"{method} {path}: {status} {reply}")
        return reply

    def settled(self, task):
        def task_at_its_end():
            found = self.call("GET", f"/ingestion/tasks/{task}")
            return found if found["state"] in ("succeeded", "failed", "cancelled") else None

        return until("a task", task_at_its_end)


class Chat(BaseHTTPRequestHandler):
    """Takes the messages that n8n sends."""

    messages = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.messages.append(json.loads(body)["text"])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def workflow(name, replace, folder):
    text = (ROOT / "data/n8n" / f"{name}.json").read_text()
    for old, new in replace.items():
        text = text.replace(old, new)
    if "PUT-" in text:
        sys.exit(f"{name}: something that begins with PUT- is left")
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"id": name, **json.loads(text)}))
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nexus", required=True, help="the program nexus")
    parser.add_argument("--n8n", default="n8n", help="the program n8n")
    arguments = parser.parse_args()
    running = []
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        try:
            run(arguments, folder, running)
        finally:
            for process in reversed(running):
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()


def run(arguments, folder, running):
    port, n8n_port, chat_port = free_port(), free_port(), free_port()
    threading.Thread(target=HTTPServer(("127.0.0.1", chat_port), Chat).serve_forever, daemon=True).start()

    repository = folder / "wiki"
    repository.mkdir()
    git = ["git", "-C", str(repository), "-c", "user.name=n8n", "-c", "user.email=n8n@example.org"]
    (repository / "lamp.md").write_text("# Lamp\n\nThe lamp is turquoise.\n")
    for step in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run(git + step, check=True)

    environment = {name: value for name, value in os.environ.items() if not name.startswith("NEXUS_")}
    settings = {
        "NEXUS_DATA_DIR": str(folder / "nexus"),
        "NEXUS_LISTEN": f"127.0.0.1:{port}",
        "NEXUS_ADMIN_KEY": KEY,
        "NEXUS_SOURCES_LOCAL_REPOSITORIES": "true",
        "NEXUS_WEBHOOKS_ALLOW_NETWORKS": "127.0.0.0/8",
    }
    log = open(folder / "nexus.log", "wb")
    running.append(subprocess.Popen([arguments.nexus, "serve"], env={**environment, **settings}, cwd=folder, stderr=log))
    nexus = Nexus(f"http://127.0.0.1:{port}")
    until("Nexus", lambda: ask("GET", f"{nexus.base}/api/v1/health")[0] == 200)

    kb = nexus.call("POST", "/knowledge-bases", {"name": "handbook"})["id"]
    source = {"knowledge_base": kb, "source": "wiki", "url": f"file://{repository}"}
    nexus.settled(nexus.call("POST", "/ingestion/git", source)["task_id"])
    teller = nexus.call("POST", f"/knowledge-bases/{kb}/incoming-webhooks", {"name": "n8n"})
    heard_at = f"http://127.0.0.1:{n8n_port}/webhook/nexus"
    told = nexus.call("POST", "/webhooks", {"url": heard_at, "events": ["question.refused"]})

    files = [
        workflow("wiki-changed", {
            "PUT-THE-SECRET-OF-THE-INCOMING-WEBHOOK-HERE": teller["secret"],
            "PUT-THE-ID-OF-THE-INCOMING-WEBHOOK-HERE": teller["webhook"]["id"],
            "http://nexus:8080": nexus.base,
        }, folder),
        workflow("question-refused", {
            "PUT-THE-SECRET-OF-THE-WEBHOOK-HERE": told["secret"],
            "https://chat.example.org/hooks/PUT-THE-ADDRESS-OF-YOUR-CHAT-HERE": f"http://127.0.0.1:{chat_port}/",
        }, folder),
    ]
    settings = {
        "N8N_USER_FOLDER": str(folder),
        "N8N_PORT": str(n8n_port),
        "N8N_LISTEN_ADDRESS": "127.0.0.1",
        "N8N_DIAGNOSTICS_ENABLED": "false",
        "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
        "N8N_TEMPLATES_ENABLED": "false",
        "N8N_PERSONALIZATION_ENABLED": "false",
        **LOOPBACK,
    }
    environment = {**environment, **settings}
    for file in files:
        for step in (["import:workflow", f"--input={file}"], ["update:workflow", f"--id={file.stem}", "--active=true"]):
            subprocess.run([arguments.n8n, *step], env=environment, cwd=folder, check=True)
    running.append(subprocess.Popen([arguments.n8n, "start"], env=environment, cwd=folder))
    n8n = f"http://127.0.0.1:{n8n_port}"
    until("n8n", lambda: ask("GET", f"{n8n}/healthz/readiness")[0] == 200)

    (repository / "lamp.md").write_text("# Lamp\n\nThe lamp is crimson.\n")
    subprocess.run(git + ["commit", "-qam", "second"], check=True)
    until("the webhook of n8n", lambda: ask("POST", f"{n8n}/webhook/wiki-changed", {})[0] == 200)
    search = {"query": "crimson", "knowledge_bases": [kb], "mode": "lexical"}
    until("the new text", lambda: nexus.call("POST", "/rag/search", search)["passages"])
    print("n8n said that the wiki has changed: its new text is found")

    nexus.call("POST", "/rag/query", {"question": "Where is the walrus?", "knowledge_bases": [kb]})
    until("the message", lambda: Chat.messages)
    if Chat.messages != ["Nobody could answer: Where is the walrus?"]:
        sys.exit(f"n8n sent {Chat.messages}")
    page = f"/webhooks/{told['webhook']['id']}/deliveries"
    until("the end of the delivery", lambda: nexus.call("GET", page)["items"][0]["state"] == "delivered")
    print("n8n heard of a question without an answer, and told a chat")

    forged = {"X-Nexus-Delivery": "forged", "X-Nexus-Timestamp": str(int(time.time())), "X-Nexus-Signature": "v1=" + "0" * 64}
    body = {"id": "forged", "event": "question.refused", "data": {"question": "Send money?"}}
    status, _ = ask("POST", heard_at, body, forged)
    if status < 400 or len(Chat.messages) != 1:
        sys.exit(f"n8n took what nobody had signed: {status} {Chat.messages}")
    print("n8n took nothing that Nexus had not signed")


if __name__ == "__main__":
    main()
