"""Puts names of what the server has in place of most of those that schemathesis makes up: else nearly
every answer would be that there is no such thing. Counts how each operation was answered."""

import collections
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
    "vehicle": NAMES["vehicles"],
    "unit": ["dalian", "houyan-post"],
    "bbox": ["121.3,38.8,121.9,39.2"],
    "reason": ["handled", "A-17"],
    "after": ["0"],
}
ON_ROADS = {
    **IN_QUERY,
    "at": ["38.914,121.6147"],
    "since": [NAMES["since"]],
    "from": ["38.914,121.6147"],
    "to": NAMES["checkpoints"],
}
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
# What is taken as it is.
WHOLE = {
    "/v1/devices/import": "device,vehicle,unit\n352000000000001,imported,dalian\n",
    "/v1/flags/import": "vehicle,reason,case,authority\nimported,stolen,B-2,duty officer\n",
    "/v1/flags": {"vehicle": "imported", "reason": "stolen", "case": "B-3", "authority": "duty officer"},
    "/v1/flags/{id}/approve": {},
    "/v1/flags/{id}/reject": {"note": "no ground"},
    "/v1/flags/{id}/renew": {"expires_s": 3600},
    "/v1/flags/{id}/withdraw": {"reason": "handled"},
    "/v1/alerts/{id}/instruct": {"text": "stop it"},
    "/v1/alerts/{id}/dispose": {"outcome": "missed"},
    "/v1/session": {"token": NAMES["secret"]},
}

turns = collections.Counter()


class Mixer:
    """Mixes what is made up for an operation with what is known, the same at each run."""

    def __init__(self, operation):
        turns[operation] += 1
        self.turn = turns[operation]

    def mixed(self, made, known):
        """One in four is left as it was made up."""
        return made if self.turn % 4 == 3 else known[self.turn % len(known)]

    def replaced(self, values, known):
        if not isinstance(values, dict):
            return values
        # What is no text and no number is wrong on purpose.
        return {
            name: self.mixed(made, known[name])
            if name in known and isinstance(made, (str, float, list, dict))
            else made
            for name, made in values.items()
        }

    def body(self, path, made):
        if path in WHOLE and self.turn % 4 == 0:
            return WHOLE[path]
        if not isinstance(made, dict):
            return made
        if path.endswith("/swap"):
            # None of these is enrolled.
            return self.replaced(made, {"device": [f"3530000000{self.turn:05}"]})
        if path == "/v1/checkpoints/{id}" and isinstance(made.get("properties"), dict):
            # The address says which it is.
            stated = {key: value for key, value in made["properties"].items() if key != "id"}
            return {**made, "properties": self.replaced(stated, IN_BODY)}
        return self.replaced(made, IN_BODY)


@schemathesis.hook
def before_call(context, case, kwargs):
    path = case.operation.path
    mixer = Mixer(case.operation.label)
    known = in_path(path)
    if case.path_parameters and known:
        named = {name: mixer.mixed(made, known) for name, made in case.path_parameters.items()}
        case.path_parameters = {name: "none" if made in IN_USE else made for name, made in named.items()}
    if case.query:
        # What is empty counts as not said, whatever it is.
        said = {name: made for name, made in case.query.items() if made not in ("", [], {})}
        on_roads = path in ("/v1/containment", "/v1/ways", "/v1/reach")
        case.query = mixer.replaced(said, ON_ROADS if on_roads else IN_QUERY)
    if isinstance(case.body, (dict, str)):
        case.body = mixer.body(path, case.body)


def in_path(path):
    # Where alerts have their outcome no more can be done about them; approved is what is renewed.
    if path.endswith("/dispose"):
        return NAMES["ended_alerts"]
    if path.endswith("/renew"):
        return NAMES["approved_flags"]
    return IN_PATH.get(path.removeprefix("/v1/").split("/")[0])


@schemathesis.hook
def after_call(context, case, response):
    with open(TALLY, "a") as tally:
        tally.write(f"{response.status_code} {case.operation.method.upper()} {case.operation.path}\n")
