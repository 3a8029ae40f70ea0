"""Puts names of what the server has in place of most of those that schemathesis makes up: else nearly
every answer would be that there is no such thing. Counts how each operation was answered."""

import itertools
import json
import os

import schemathesis

NAMES = json.loads(os.environ["INTERDICT_NAMES"])
TALLY = os.environ["INTERDICT_TALLY"]

# Tokens that are needed to the end; schemathesis reads their names in the list of all.
IN_USE = ["first-admin", "dispatcher", "approver", "platform"]

# By the path's first word after /v1.
IN_PATH = {
    "devices": NAMES["devices"],
    "vehicles": NAMES["vehicles"],
    "subjects": NAMES["vehicles"],
    "flags": NAMES["flags"],
    "alerts": NAMES["alerts"],
    "checkpoints": NAMES["other_checkpoints"],
    "tokens": NAMES["tokens"],
    "webhooks": NAMES["webhooks"],
    "audit": ["1", "2", "3"],
}
IN_QUERY = {
    "to": NAMES["checkpoints"],
    "vehicle": NAMES["vehicles"],
    "unit": ["dalian", "houyan-post"],
    "bbox": ["121.3,38.8,121.9,39.2"],
    "reason": ["handled", "A-17"],
    "after": ["0"],
}
ON_ROADS = {**IN_QUERY, "at": ["38.914,121.6147"], "from": ["38.914,121.6147"], "since": [NAMES["since"]]}
IN_BODY = {
    "vehicle": NAMES["vehicles"],
    "unit": ["houyan-post"],
    "reason": ["stolen", "handled"],
    "checkpoint": NAMES["checkpoints"],
    "expires_s": [3600.0],
    "url": ["http://127.0.0.1:9/"],
    "covert": [[]],
    "scope": ["unit"],
    "filter": [{}],
}
TABLES = {
    "/v1/devices/import": "device,vehicle,unit\n352000000000001,imported,dalian\n",
    "/v1/flags/import": "vehicle,reason,case,authority\nimported,stolen,B-2,duty officer\n",
}

turns = itertools.count()


def mixed(made, known):
    """One in four is left as it was made up."""
    turn = next(turns)
    return made if turn % 4 == 3 else known[turn % len(known)]


def replaced(values, known):
    if not isinstance(values, dict):
        return values
    # What is no text and no number is wrong on purpose.
    return {
        name: mixed(made, known[name]) if name in known and isinstance(made, (str, float, list, dict)) else made
        for name, made in values.items()
    }


def body(path, made):
    if path in TABLES:
        return mixed(made, [TABLES[path]])
    if path == "/v1/session":
        return replaced(made, {"token": [NAMES["secret"]]})
    if path == "/v1/checkpoints/{id}" and isinstance(made, dict) and isinstance(made.get("properties"), dict):
        # The address says which it is.
        stated = {key: value for key, value in made["properties"].items() if key != "id"}
        return {**made, "properties": replaced(stated, IN_BODY)}
    return replaced(made, IN_BODY)


@schemathesis.hook
def before_call(context, case, kwargs):
    path = case.operation.path
    kind = path.removeprefix("/v1/").split("/")[0]
    if case.path_parameters and kind in IN_PATH:
        # Where they have their outcome no more can be done about them.
        known = NAMES["ended_alerts"] if path.endswith("/dispose") else IN_PATH[kind]
        in_path = {name: mixed(made, known) for name, made in case.path_parameters.items()}
        case.path_parameters = {name: "none" if made in IN_USE else made for name, made in in_path.items()}
    if case.query:
        # What is empty counts as not said, whatever it is.
        said = {name: made for name, made in case.query.items() if made not in ("", [], {})}
        on_roads = path in ("/v1/containment", "/v1/ways", "/v1/reach")
        case.query = replaced(said, ON_ROADS if on_roads else IN_QUERY)
    if isinstance(case.body, (dict, str)):
        case.body = body(path, case.body)


@schemathesis.hook
def after_call(context, case, response):
    with open(TALLY, "a") as tally:
        tally.write(f"{response.status_code} {case.operation.method.upper()} {case.operation.path}\n")
