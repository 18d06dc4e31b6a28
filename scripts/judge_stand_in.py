#!/usr/bin/env python3
"""A chat model that only judges, for `nexus eval --refusals --judged` where there is no real one.

Serves the OpenAI chat completions API. It knows the set that it is asked about: where a passage of the document that answers a
question is among the sources, it says that passage's first sentence, else NO_ANSWER; and in a share of cases (`--errors`, drawn
by the question) it says the opposite. So it stands for a model that is right that often, and says nothing of any real one.
"""

import argparse
import hashlib
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def plain(text):
    return " ".join(text.split())


class Judge:
    def __init__(self, folder, errors, seed):
        documents = lines(folder / "corpus.jsonl")
        texts = {one["_id"]: plain(f"{one.get('title', '')} {one['text']}") for one in documents}
        words = {query["_id"]: plain(query["text"]) for query in lines(folder / "queries.jsonl")}
        self.gold = {}
        for row in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
            query, document, grade = row.split("\t")
            if int(grade) > 0:
                self.gold.setdefault(words[query], []).append(texts[document])
        self.errors = errors
        self.seed = seed

    def says(self, prompt):
        question = plain(prompt.rsplit("\n\n", 2)[-1])
        sources = re.findall(r"^\[(\d+)\][^\n]*\n(=+)\n(.*?)\n\2$", prompt, re.M | re.S)
        gold = self.gold.get(question, [])
        held = [number for number, _, text in sources if any(plain(text) in one for one in gold)]
        knows = bool(held)
        drawn = hashlib.sha256(f"{self.seed} {question}".encode()).digest()
        if int.from_bytes(drawn[:4], "big") < self.errors * 2**32:
            knows = not knows
        if not knows or not sources:
            return "NO_ANSWER"
        number, _, text = next((one for one in sources if one[0] in held), sources[0])
        return f"{re.split(r'(?<=[.!?]) ', plain(text))[0]} [{number}]"


def handler(judge):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            said = judge.says(asked["messages"][-1]["content"])
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            head = {"id": "1", "created": 0, "model": asked["model"]}
            if asked.get("stream"):
                part = {"index": 0, "delta": {"role": "assistant", "content": said}, "finish_reason": "stop"}
                chunk = {**head, "object": "chat.completion.chunk", "choices": [part], "usage": usage}
                body = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n"
                kind = "text/event-stream"
            else:
                message = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
                body = json.dumps({**head, "object": "chat.completion", "choices": [message], "usage": usage})
                kind = "application/json"
            body = body.encode()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", type=Path, required=True)
    parser.add_argument("--errors", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=18080)
    args = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", args.port), handler(Judge(args.set, args.errors, args.seed)))
    print(f"listening on 127.0.0.1:{args.port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
