"""What Postfix' own programs write behind the queue id, the commonest kinds first."""

from __future__ import annotations

from typing import Final

from mailevents_dagster.sources.maillog.grammar.pieces import ADDRESS
from mailevents_dagster.sources.maillog.grammar.rules import Rule

_PEER: Final = r"(?P<relay_host>[^\s\[\],;]*)\[(?P<relay_address>[^\]\s]*)\](?::(?P<relay_port>\d{1,5}))?"
_SENDER: Final = rf"(?P<from><{ADDRESS}>)"
_STAGE: Final = r"[A-Z][A-Z-]*(?: [A-Z]+)?"
_ENVELOPE: Final = (
    rf"(?:from={_SENDER},? ?)?(?:to=<(?P<recipient>{ADDRESS})>,? ?)?(?:proto=\w+,? ?)?"
    r"(?:helo=<(?P<helo>[^>]*)>,? ?)?(?:sasl_username=<(?P<user>[^>]*)>)?"
)
"""What smtpd, postscreen and cleanup add to a refusal."""
_CHECKED: Final = rf"(?:header Subject: (?P<subject>.*?)|(?:\w+ )?(?:header|body) .*?) from (?:{_PEER}|local)"
"""A line of a mail that was looked at (header_checks, body_checks), and from where it came."""
_REFUSE: Final = "(?:reject|milter-reject|proxy-reject)"
_ACT: Final = (
    "(?:accept|bcc|defer|discard|dunno|filter|hold|info|permit|prepend|redirect|reject_warning|replace|strip|warn"
    r"|(?:header|milter|proxy)-[\w-]+)"
)
"""What else access tables, checks and filters do; nothing is refused by it."""

_STATUSES: Final = {
    "sent": "delivery",
    "bounced": "bounce",
    "expired": "bounce",
    "deferred": "deferral",
    "SOFTBOUNCE": "deferral",
}
"""Others tell of mere probes: deliverable, undeliverable."""

_OUTCOME: Final = Rule(
    r"^(?:tls=(?P<tls>[^,]*), )?(?:dsn=(?P<dsn>[\d.]+), )?status=(?P<word>[\w-]+)(?P<reason>(?: .*)?)$",
    events=_STATUSES,
)
_TIMES: Final = Rule(
    r"^(?:conn_use=\d+, )?delay=(?P<delay>\d{1,9}(?:\.\d{1,9})?), (?:delays=(?P<delays>[\d./]+), )?(?P<rest>[dst].*)$",
    then=(_OUTCOME,),
)
_RELAY: Final = Rule(
    r"^relay=(?P<relay_host>[^\[,]*)(?:\[(?P<relay_address>[^\]]*)\](?::(?P<relay_port>\d{1,5}))?)?, (?P<rest>.*)$",
    then=(_TIMES,),
)
_DELIVERY: Final = Rule(
    rf"^to=<(?P<recipient>{ADDRESS})>, (?:orig_to=<(?P<original_recipient>{ADDRESS})>, )?(?P<rest>r.*)$",
    then=(_RELAY,),
)
_CLIENT: Final = (
    Rule(rf"^client={_PEER}$", "arrival"),
    Rule(
        rf"^client={_PEER}(?:, sasl_method=[^,]*)?(?:, sasl_username=(?P<user>[^,]*))?(?:, sasl_sender=[^,]*)?"
        r"(?:, orig_queue_id=[^,]*)?(?:, orig_client=.*)?$",
        "arrival",
    ),
)
_MAILS: Final = (
    _DELIVERY,
    Rule(rf"^from={_SENDER}, size=(?P<size>\d{{1,18}}), nrcpt=(?P<recipients>\d{{1,9}})(?: \(queue \w+\))?$"),
    Rule("^removed$", "completion"),
    *_CLIENT,
    Rule(r"^(?:resent-)?message-id=(?:<(?P<message_id>.*)>|(?P<bare_message_id>[^<].*)?)$"),
    Rule(rf"^(?:dis)?connect from {_PEER}(?: [a-z]+=.*)?$"),
    Rule(rf"^(?:uid=(?P<user>\d+) from|sender)={_SENDER}(?: orig_id=\w+)?$", "arrival"),
    Rule(
        rf"^from={_SENDER}, status=(?P<text>(?P<word>[\w-]+), .*)$",
        events={"expired": "bounce", "force-expired": "bounce"},
    ),
)
_REFUSALS: Final = (
    Rule(
        rf"^{_REFUSE}: {_STAGE}(?: from {_PEER})?: (?P<text>.*?)(?:; {_ENVELOPE}(?:: .*)?)?$",
        "rejection",
    ),
    Rule(rf"^reject: {_CHECKED}; {_ENVELOPE}: (?P<text>.*)$", "rejection"),
    Rule(rf"^{_REFUSE}: (?P<text>.*)$", "rejection"),
    Rule(rf"^(?:{_ACT}|warning): (?P<text>{_CHECKED}); {_ENVELOPE}(?:: .*)?$"),
    Rule(rf"^{_ACT}: {_STAGE}(?: from {_PEER})?: (?P<text>.*?)(?:; {_ENVELOPE}(?:: .*)?)?$"),
    Rule(rf"^{_ACT}: (?P<text>.*)$"),
    Rule(
        r"^(?:warning|error|fatal|panic): (?:(?P<queue_id>[0-9A-F]{6,}|[0-9A-Za-z]{12,}): )?"
        rf"(?:{_PEER}: )?(?P<text>.*?)(?:; {_ENVELOPE})?$"
    ),
)
_REMARKS: Final = (
    Rule(
        rf"^(?:host|SASL authentication failed; server) {_PEER} (?:said|refused to talk to me): "
        r"(?P<text>.*?)(?: \(in reply to [^()]*\))?$"
    ),
    Rule(rf"^\S+ TLS connection (?:established|reused) (?:to|from) {_PEER}(?: [^:]*)?: (?P<tls>.*)$"),
    Rule(
        rf"^(?:connect to|SSL_connect error to|(?:server )?certificate verification failed for) {_PEER}: (?P<text>.*)$"
    ),
    Rule(rf"^(?P<text>[^\[\]:]*?) from {_PEER}(?:[ :].*)?$"),
    Rule(rf"^(?P<text>PASS (?:NEW|OLD)|DISCONNECT|\w+LISTED|\w+LIST VETO|DNSBL rank \d+ for) {_PEER}$"),
    Rule(rf"^(?P<text>[^\[\]]+ (?:with|to|by|for|server|host) {_PEER}(?:[ :,;].*)?)$"),
    Rule(rf"^(?P<text>host {_PEER} offers .*)$"),
    Rule(r"^statistics: max [\w ]+ \d+(?:/\w+)? for \([^\s:]+:(?P<relay_address>[^\s()]*)\) at .*$"),
    Rule(r"^\d+ messages?$"),
    Rule(r"^addr (?P<relay_address>\S+) listed by domain .*$"),
    Rule(r"^(?P<text>(?:sender|postmaster) (?:non-delivery|delivery status|delay|success) notification: \w+)$"),
    Rule(r"^(?P<text>skipped, .*|requeued|expired|deleted|(?:placed on|released from) hold)$"),
    Rule(
        r"^(?:statistics: |cache |daemon started|reload |terminating on |table |(?:Deleted|Requeued|Expired): \d"
        r"|(?:Placed on|Released from) hold: \d|(?:starting|stopping|refreshing|waiting for|aborting) the Postfix"
        r"|the Postfix mail system|initializing the |setting up |premature end-of-input|name_mask: |using "
        r"|lost connection|SASL authentication |Cannot start TLS|TLS |SSL|dict_|dsn_|improper |too many ).*$"
    ),
)
RULES: Final = (*_MAILS, *_REFUSALS, *_REMARKS)
