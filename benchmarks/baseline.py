"""The baseline: what a sensible engineer writes in an afternoon to collect an hour of mail with its details.

It keeps connections alive, retries with backoff, fetches details concurrently, keeps events in order and drops those
that belong to a neighbouring window. It has no pages beyond the first, no journal, no snapshot and no second look.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry
from workload import FEED, HOUR, KEY, Task

WINDOW: Final = 300
BATCH: Final = 50

Record = dict[str, Any]


def collect(task: Task) -> Path:
    """Collects the hour into one log file and returns its path."""
    task.folder.mkdir(parents=True, exist_ok=True)
    path = task.folder / "mail.log"
    with _session(task.concurrency) as session, ThreadPoolExecutor(task.concurrency) as pool:
        for start in range(HOUR.start, HOUR.end, WINDOW):
            rows = _list(session, task, start, start + WINDOW)
            for first in range(0, len(rows), BATCH):
                records = list(pool.map(lambda row: _detail(session, task, row), rows[first : first + BATCH]))
                with path.open("a", encoding="utf-8") as log:
                    log.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    return path


def _session(connections: int) -> requests.Session:
    session = requests.Session()
    retry = Retry(total=10, backoff_factor=1, status_forcelist=(429, 500, 502, 503, 504))
    session.mount("http://", HTTPAdapter(pool_maxsize=connections, max_retries=retry))
    session.headers["Authorization"] = f"Bearer {KEY}"
    return session


def _list(session: requests.Session, task: Task, start: int, end: int) -> list[Record]:
    """The rows of a window, oldest first."""
    params: dict[str, str | int] = {
        "starttime": start,
        "endtime": end,
        "type": FEED.kind.type,
        "domain": FEED.domain,
    }
    rows: list[Record] = _get(session, task.base_url + "/logs/mail", params)
    return sorted((row for row in rows if start <= _time(row) < end), key=_time)


def _detail(session: requests.Session, task: Task, row: Record) -> Record:
    if not row.get("queue_id") or not row.get("recipients"):
        return row
    record: Record = _get(session, f"{task.base_url}/logs/mail/{row['queue_id']}", {"time": _time(row)})
    return record


def _get(session: requests.Session, url: str, params: dict[str, Any]) -> Any:
    answer = session.get(url, params=params, timeout=120)
    answer.raise_for_status()
    return answer.json()


def _time(row: Record) -> int:
    recipients = row.get("recipients")
    return int(recipients[0]["time"] if recipients else row["time"])
