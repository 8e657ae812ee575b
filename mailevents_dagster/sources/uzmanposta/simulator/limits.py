"""The rate limit of the simulated API: so many calls of one key within any second."""

from __future__ import annotations

from collections import defaultdict, deque


class RateLimit:
    """A sliding window per key. Calls that are refused do not count."""

    def __init__(self) -> None:
        self._allowed_at: defaultdict[str, deque[float]] = defaultdict(deque)

    def wait(self, key: str, requests_per_second: float, now: float) -> float:
        """Zero where a call may pass, and then it is counted; else the seconds until the next one may."""
        most = max(1, int(requests_per_second))
        window = most / requests_per_second
        times = self._allowed_at[key]
        while times and times[0] <= now - window:
            times.popleft()
        if len(times) < most:
            times.append(now)
            return 0.0
        return times[0] + window - now
