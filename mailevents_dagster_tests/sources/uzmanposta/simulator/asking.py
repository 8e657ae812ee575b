"""What tests of the simulator share: who asks it over HTTP, and when."""

from __future__ import annotations

from urllib.parse import quote

import requests

from mailevents_dagster.sources.uzmanposta.feeds import ENDPOINTS, FEED_KINDS
from mailevents_dagster.sources.uzmanposta.simulator import Simulator

DOMAIN = "example.com"
HOUR = 1_795_156_800 - 1_795_156_800 % 3600 + 6 * 3600
NOW = HOUR + 2 * 3600
INCOMING = "mail/incominglog"


class Client:
    """Calls one simulator with one key over one connection."""

    def __init__(self, simulator: Simulator, key: str = "key") -> None:
        self.url = simulator.base_url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {key}"

    def get(self, path: str, **params: object) -> requests.Response:
        texts = {name: str(value) for name, value in params.items()}
        return self.session.get(self.url + path, params=texts, timeout=60)

    def listing(self, feed_name: str, start: int, end: int, domain: str = DOMAIN) -> requests.Response:
        kind = FEED_KINDS[feed_name]
        params = {} if kind.category == "authentication" else {"type": kind.type}
        return self.get(ENDPOINTS[kind.category], starttime=start, endtime=end, domain=domain, **params)

    def detail(self, queue_id: str, time: int) -> requests.Response:
        return self.get(f"/logs/mail/{quote(queue_id, safe='')}", time=time)


def mail(time: int, queue_id: str = "", **fields: object) -> dict[str, object]:
    recipient = {"time": time, "mailto": "a@example.com"}
    return {"queue_id": queue_id or f"Q{time}", "recipients": [recipient], "time": time, **fields}


def times(answer: requests.Response) -> list[int]:
    return [row["recipients"][0]["time"] for row in answer.json()]
