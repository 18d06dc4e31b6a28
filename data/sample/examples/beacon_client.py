"""A small client for the REST API of a Beacon gateway (v2).

It needs nothing but the standard library. Reading needs a token with the scope
``read``; pairing needs ``pair``.
"""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

RETRYABLE = {429, 503}
"""Only these two statuses are worth another attempt."""


class BeaconError(Exception):
    """An answer of the gateway that is not a success."""

    def __init__(self, status: int, code: str | None, message: str) -> None:
        super().__init__(f"{status} {code or '-'}: {message}")
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Observation:
    """One row of the buffer. A sensor that a station lacks is absent from ``values``."""

    station: str
    sequence: int
    time: str
    values: dict[str, float]
    flag: str


class BeaconClient:
    """Talks to one gateway.

    ``ca_file`` is the certificate that the local page offers for download; the
    check of the certificate cannot be switched off on purpose.
    """

    def __init__(self, host: str, token: str, ca_file: str | None = None, attempts: int = 4) -> None:
        self._base = f"https://{host}:8642/api/v2"
        self._token = token
        self._attempts = attempts
        self._tls = ssl.create_default_context(cafile=ca_file)

    def stations(self) -> Iterator[dict]:
        """All stations, page by page."""
        yield from self._pages("/stations", {})

    def silent_stations(self) -> list[str]:
        """Names of the stations in the state ``silent`` (E-1042), sorted."""
        return sorted(s["name"] for s in self.stations() if s["state"] == "silent")

    def observations(self, station: str, start: str, end: str) -> Iterator[Observation]:
        """Unconfirmed rows of one station between two RFC 3339 times.

        The gateway refuses periods longer than 31 days; split them yourself.
        """
        query = {"station": station, "from": start, "to": end, "flag": "all", "limit": "500"}
        for row in self._pages("/observations", query):
            yield Observation(row["station"], row["seq"], row["time"], row["values"], row["flag"])

    def rain_total(self, station: str, start: str, end: str) -> float:
        """Rain in millimetres. Adds the tips of each row and skips suspect ones."""
        rows = self.observations(station, start, end)
        return round(sum(r.values.get("rain_mm", 0.0) for r in rows if r.flag == "ok"), 1)

    def pair(self, code: str, name: str, wait_sec: int = 200) -> str:
        """Open the pairing window and wait for the station. Returns the id of the station."""
        job = self._call("POST", "/stations/pair", body={"code": code, "name": name})["job"]
        deadline = time.monotonic() + wait_sec
        while time.monotonic() < deadline:
            state = self._call("GET", f"/jobs/{job}")
            if state["state"] == "done":
                return state["station"]
            if state["state"] == "failed":
                raise BeaconError(409, None, state["reason"])
            time.sleep(2)
        raise TimeoutError(f"no station answered within {wait_sec} s")

    def _pages(self, path: str, query: dict[str, str]) -> Iterator[dict]:
        cursor: str | None = None
        while True:
            page = self._call("GET", path, {**query, **({"cursor": cursor} if cursor else {})})
            yield from page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def _call(self, method: str, path: str, query: dict | None = None, body: dict | None = None) -> dict:
        url = self._base + path + ("?" + urllib.parse.urlencode(query) if query else "")
        key = str(uuid.uuid4())
        for attempt in range(1, self._attempts + 1):
            request = urllib.request.Request(url, method=method)
            request.add_header("Authorization", f"Bearer {self._token}")
            if body is not None:
                request.data = json.dumps(body).encode()
                request.add_header("Content-Type", "application/json")
                # The same key for every attempt: a repeated POST must not act twice.
                request.add_header("Idempotency-Key", key)
            try:
                with urllib.request.urlopen(request, context=self._tls, timeout=30) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code in RETRYABLE and attempt < self._attempts:
                    time.sleep(int(error.headers.get("Retry-After", "5")))
                    continue
                detail = json.load(error).get("error", {})
                raise BeaconError(error.code, detail.get("code"), detail.get("message", "")) from error
        raise AssertionError("the loop returns or raises")
