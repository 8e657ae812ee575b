"""The keys `posture` and `blocklists` of a domain that is judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mailevents_dagster.settings import SettingsError
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.outcomes.settings.posture import BlocklistSettings, PostureSettings
from mailevents_dagster.sources.outcomes.settings.section import DeliverabilitySettings, DomainSettings


def loaded(folder: Path, **keys: Any) -> DomainSettings:
    content = {
        "timezone": "UTC",
        "start": "2026-11-01T00:00",
        "storage": "./data",
        "mail_logs": [{"name": "mx1", "format": "postfix", "files": "/var/log/mail.log*"}],
        "deliverability": [{"domain": "example.com", **keys}],
    }
    file = folder / "mailevents.yaml"
    file.write_text(yaml.safe_dump(content))
    return load_settings(file).section(DeliverabilitySettings).judged("example.com")


def test_all_of_it_can_be_left_out(tmp_path: Path) -> None:
    domain = loaded(tmp_path)
    assert domain.posture == PostureSettings()
    assert domain.blocklists == BlocklistSettings()
    assert not domain.posture.resolver.nameservers


def test_values_are_kept_as_they_are_compared(tmp_path: Path) -> None:
    posture = loaded(
        tmp_path,
        posture={
            "resolver": {"nameservers": ["192.0.2.53", "[2001:db8::53]:5353", "dns.example.com:53"], "tcp": False},
            "selectors": ["S1", "s1", "a.b"],
            "sending_ips": ["2001:DB8:0::1", "2001:db8::1"],
            "helo": ["MX1.Example.com"],
            "skip": ["bimi", "bimi"],
        },
    ).posture
    assert posture.selectors == ("s1", "a.b")
    assert posture.sending_ips == ("2001:db8::1",)
    assert posture.helo == ("mx1.example.com",)
    assert posture.skip == ("bimi",)


@pytest.mark.parametrize(
    ("keys", "path", "said"),
    [
        ({"resolver": {"nameservers": ["192.0.2.53:0"]}}, "posture.resolver.nameservers[0]", "is not a server"),
        ({"resolver": {"nameservers": ["a b"]}}, "posture.resolver.nameservers[0]", "is not a server"),
        ({"resolver": {"timeout_seconds": 0}}, "posture.resolver.timeout_seconds", "0.05"),
        ({"selectors": ["s 1"]}, "posture.selectors[0]", "is not a selector"),
        ({"selectors": ["s1._domainkey.example.com."]}, "posture.selectors[0]", "is not a selector"),
        ({"sending_ips": ["192.0.2.0/24"]}, "posture.sending_ips[0]", "is not an IP address"),
        ({"helo": ["mx"]}, "posture.helo[0]", "is not a domain"),
        ({"skip": ["everything"]}, "posture.skip[0]", "`spf`"),
        ({"smtp_port": 0}, "posture.smtp_port", "1"),
        ({"selector": ["s1"]}, "posture.selector", "did you mean `selectors`?"),
    ],
)
def test_each_mistake_is_named_with_its_mend(tmp_path: Path, keys: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, posture=keys)
    [problem] = caught.value.problems
    assert problem.path == f"deliverability[0].{path}"
    assert said in problem.message
