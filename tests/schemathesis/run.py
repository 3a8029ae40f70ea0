#!/usr/bin/env python3
"""Holds the real server to its own OpenAPI document: what schemathesis makes of it must be answered
without a server error, and as the document says. Runs in the environment that `run` makes."""

import csv
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

import jsonschema_rs

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FIXTURES = ROOT / "fixtures"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PROGRAM = os.environ.get("INTERDICT_BIN", str(TARGET / "debug" / "interdict"))
SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
ADMIN = "the-admin-of-a-test"

# A stream does not end by itself, so that no answer of it is ever whole; what it sends is held to the
# document below.
ENDLESS = "/v1/events"
# schemathesis does not ask for what it reads itself; no device is connected that could be asked;
# nothing was given up that could be sent again.
OUT_OF_REACH = {
    f"GET {ENDLESS}",
    "GET /openapi.json",
    "POST /v1/devices/{id}/ask",
    "POST /v1/devices/{id}/text",
    "POST /v1/webhooks/{id}/dead/resend",
}
CHECKS = ",".join(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "unsupported_method",
        "allow_header_conformance",
        "ignored_auth",
        "negative_data_rejection",
    ]
)

# Examples of each operation, beside those that cover its schema: what a minute allows.
FEW = ["--max-examples", "10"]
# What they may not do at all, tests/roles.rs asks for.
OF_DISPATCHER = [f"--exclude-tag={tag}" for tag in ["audit", "backup", "ingest", "server", "tokens", "webhooks"]]
# Of a list that is posted what is good is taken, and what is not is told in the answer.
ON_INGEST = ["--include-path", "/v1/ingest", "--exclude-checks", "negative_data_rejection"]
WHO_AM_I = ["--include-name", "GET /v1/session"]

CONFIGURATION = f"""
source = "urn:interdict:test"
zone = "Asia/Shanghai"
data = "data"
[files]
checkpoints = "{FIXTURES}/checkpoints.geojson"
regions = "{FIXTURES}/regions.geojson"
units = "{FIXTURES}/units.toml"
fleet = "{FIXTURES}/fleet.csv"
roads = "{FIXTURES}/roads.geojson"
[persons]
approver_age = 0
[webhooks]
allow = ["127.0.0.0/8"]
[retention.unflagged_s]
armoured = 86400
[limits]
requests_per_minute = 10000000
refused_requests_per_minute = 10000000
[[sources]]
name = "platform"
token = "platform"
vehicles = ["*"]
"""


class Server:
    """The program on free ports, in a folder of its own, with something in it."""

    def __init__(self, folder):
        self.log = open(Path(folder) / "log", "w+")
        configuration = Path(folder) / "interdict.toml"
        configuration.write_text(CONFIGURATION)
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--config", configuration, "--http", "127.0.0.1:0", "--port", "osmand=127.0.0.1:0"],
            env={**os.environ, "INTERDICT_ADMIN_TOKEN": ADMIN, "NO_COLOR": "1"},
            stderr=self.log,
        )
        self.url = "http://" + self.listening("http")
        self.trackers = self.listening("osmand")

    def said(self):
        return Path(self.log.name).read_text()

    def listening(self, what):
        for _ in range(600):
            for line in self.said().splitlines():
                if line.startswith(f"listening {what} "):
                    return line.split()[2]
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        sys.exit(f"the server did not start:\n{self.said()}")

    def ask(self, method, path, body=None, token=ADMIN):
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Authorization", f"Bearer {token}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            sys.exit(f"{method} {path}: {error.code} {error.read().decode()}")

    def token(self, name, role):
        return self.ask("POST", "/v1/tokens", {"name": name, "role": role})["token"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


def drive(server, device):
    """Reports the fixtures' track of a vehicle that comes to a checkpoint, the last fix as of now."""
    with open(FIXTURES / "tracks" / "leaves_by_houyan.csv") as file:
        fixes = list(csv.DictReader(file))
    at = [datetime.fromisoformat(row["time"].replace("Z", "+00:00")).timestamp() for row in fixes]
    # As far as on the expressway, with the alert raised and the toll ahead.
    count = 14
    shift_s = time.time() - at[count - 1]
    # One connection: on a second one the same device would be a conflict.
    line = http.client.HTTPConnection(server.trackers, timeout=30)
    for row, at_s in list(zip(fixes, at))[:count]:
        query = urllib.parse.urlencode(
            {
                "id": device,
                "timestamp": int(at_s + shift_s),
                "lat": row["latitude"],
                "lon": row["longitude"],
                "speed": float(row["speed_kmh"]) / 1.852,
                "bearing": row["course_deg"],
            }
        )
        line.request("POST", f"/?{query}")
        line.getresponse().read()


def furnish(server):
    """Something of each kind, and its names: by these schemathesis finds what is there."""
    dispatcher, approver = server.token("dispatcher", "dispatcher"), server.token("approver", "dispatcher")
    tokens = {"admin": ADMIN, "dispatcher": dispatcher, "platform": server.token("platform", "source")}
    for spare in range(20):
        server.token(f"spare-{spare}", "operator")
    # Each comes to Houyan.
    devices = ["13304110001", "13304110002", "13304110003", "352093081000204", "4120450002"]
    asked = {"reason": "stolen", "case": "A-17", "authority": "duty officer"}
    for device in devices:
        server.ask("POST", "/v1/flags", {**asked, "vehicle": device, "emergency": True}, dispatcher)
        drive(server, device)
    # Nothing drives here, so that no alert ends with them.
    flags = [
        server.ask("POST", "/v1/flags", {**asked, "vehicle": f"辽B·{plate}"}, approver)["id"]
        for plate in range(1000, 1080)
    ]
    approved, flags = flags[:5], flags[5:]
    for flag in approved:
        server.ask("POST", f"/v1/flags/{flag}/approve", {}, dispatcher)
    alerts = server.ask("GET", "/v1/alerts")["alerts"]
    if len(alerts) < len(devices):
        sys.exit(f"{len(alerts)} of {len(devices)} vehicles raised an alert")
    hooks = [
        server.ask("POST", "/v1/webhooks", {"url": "http://127.0.0.1:9/", "filter": {"types": [kind]}})["id"]
        for kind in ["interdict.alert.raised", "interdict.flag.added"]
    ]
    enrolled = [device["device"] for device in server.ask("GET", "/v1/devices")["devices"]]
    names = {
        "devices": [device for device in enrolled if device not in devices],
        "vehicles": [*devices, "辽B·A1002"],
        "flags": flags,
        "approved_flags": approved,
        "alerts": [alert["alert"] for alert in alerts[:3]],
        "ended_alerts": [alert["alert"] for alert in alerts[3:]],
        "checkpoints": ["houyan", "dalian_port"],
        "other_checkpoints": ["maoyingzi", "qianguan", "zhenxing"],
        "tokens": [f"spare-{spare}" for spare in range(20)],
        "webhooks": hooks,
        "secret": dispatcher,
        "since": datetime.fromtimestamp(time.time() - 600, timezone.utc).isoformat(timespec="seconds"),
    }
    return tokens, names


def session(server, token):
    """The headers of a browser's session."""
    body = json.dumps({"token": token}).encode()
    request = urllib.request.Request(f"{server.url}/v1/session", data=body)
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=30) as answer:
        cookie = answer.headers["Set-Cookie"].split(";")[0]
        return [f"Cookie: {cookie}", f"Interdict-CSRF: {json.load(answer)['csrf']}"]


def check_events(server, document):
    """Each event so far is what the document says that events are."""
    schema = {**document["components"]["schemas"]["Event"], "components": document["components"]}
    event = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    request = urllib.request.Request(f"{server.url}{ENDLESS}?after=0")
    request.add_header("Authorization", f"Bearer {ADMIN}")
    kinds, last = set(), int(server.ask("GET", "/v1/alerts")["cursor"])
    with urllib.request.urlopen(request, timeout=30) as stream:
        if stream.headers["Content-Type"] != "text/event-stream":
            sys.exit(f"the stream is {stream.headers['Content-Type']}")
        for line in stream:
            if not line.startswith(b"data:"):
                continue
            told = json.loads(line.removeprefix(b"data:"))
            event.validate(told)
            kinds.add(told["type"])
            if int(told["sequence"]) >= last:
                break
    print(f"{last} events of {len(kinds)} types are as the document says: {', '.join(sorted(kinds))}")


def hold(server, folder, role, headers, names, *more):
    """Runs schemathesis with those headers; whether all went well."""
    print(f"\n-- as {role}", flush=True)
    command = [
        SCHEMATHESIS,
        *("--config-file", HERE / "schemathesis.toml", "run", f"{server.url}/openapi.json"),
        *(argument for header in headers for argument in ("--header", header)),
        *("--checks", CHECKS, "--exclude-path", ENDLESS, "--no-color"),
        # No chance: the same is asked in the same order each time.
        *("--generation-deterministic", "--workers", "1"),
        *more,
    ]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "hooks",
        "PYTHONPATH": str(HERE),
        "PYTHONDONTWRITEBYTECODE": "1",
        "INTERDICT_NAMES": json.dumps(names),
        "INTERDICT_TALLY": str(tally(folder)),
    }
    return subprocess.run(command, env=environment, cwd=folder).returncode == 0


def tally(folder):
    return Path(folder) / "tally"


def never_done(folder, document):
    """Operations that were only ever refused: of these nothing is known."""
    answers = [line.split(" ", 1) for line in tally(folder).read_text().splitlines()]
    done = {operation for status, operation in answers if status.startswith("2")}
    every = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
    return sorted(every - done - OUT_OF_REACH)


def main():
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="interdict-schemathesis-") as folder:
        server = Server(folder)
        try:
            tokens, names = furnish(server)
            with urllib.request.urlopen(f"{server.url}/openapi.json", timeout=30) as answer:
                document = json.load(answer)
            check_events(server, document)
            bearer = {role: [f"Authorization: Bearer {token}"] for role, token in tokens.items()}
            well = [
                hold(server, folder, "dispatcher", bearer["dispatcher"], names, *FEW, *OF_DISPATCHER),
                hold(server, folder, "platform", bearer["platform"], names, *ON_INGEST),
                hold(server, folder, "session", session(server, tokens["dispatcher"]), names, *WHO_AM_I),
                # Last, since an admin takes away what the others ask for.
                hold(server, folder, "admin", bearer["admin"], names, *FEW),
            ]
            for operation in never_done(folder, document):
                well.append(False)
                print(f"never answered but by a refusal: {operation}", file=sys.stderr)
            check_events(server, document)
        finally:
            ended = server.stop()
        if ended != 0:
            print(f"the server ended with {ended}:\n{server.said()}", file=sys.stderr)
        panics = [line for line in server.said().splitlines() if "panicked" in line]
        for line in panics:
            print(line, file=sys.stderr)
    print(f"{time.monotonic() - begun:.0f} s")
    sys.exit(0 if all(well) and ended == 0 and not panics else 1)


main()
