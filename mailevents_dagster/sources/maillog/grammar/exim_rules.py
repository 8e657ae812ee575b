"""What Exim writes behind stamp and message id, the commonest kinds first.

The group `fields` holds Exim's tagged fields (H=, S=, ...) up to the first quote, and `quoted` the rest of them.
"""

from __future__ import annotations

from typing import Final

from mailevents_dagster.sources.maillog.grammar.pieces import ADDRESS, QUOTED
from mailevents_dagster.sources.maillog.grammar.rules import Rule

_FINAL: Final = rf'(?P<recipient>(?:{QUOTED}\S*|[^\s|/:>"]\S*))'
_ORIGINAL: Final = rf"<(?P<original_recipient>{ADDRESS})>"
_BETWEEN: Final = r"\([^()]*\)"
"""Addresses between the final and the original one."""
_HANDED_TO: Final = r"(?:[|/:>]|save |discarded\b)"
"""How a command, a file, :blackhole:, an automatic reply or nothing at all begins, in place of an address."""
_FIELDS: Final = r'(?P<fields>(?:[A-Z]\w*=[^"]*)?)(?P<quoted>(?:".*)?)'
_WITH_SPACES: Final = r'[^\s|/:"<>][^|"<>]*@\S+'
"""Exim writes the final form of `"a b"@x` without quotes; the original one follows."""

_UNDELIVERED: Final = (
    rf'(?:(?P<recipient>(?:{QUOTED}|[^\s|/:>"])\S*?)(?: {_BETWEEN})?(?: {_ORIGINAL})?'
    rf"|{_HANDED_TO}.*? <(?P<handed_for>{ADDRESS})>"
    rf"|(?P<spaced>{_WITH_SPACES}) <(?P<quoted_original>{QUOTED}[^>]*)>)(?P<fields>(?: [A-Z]\w*=.*?)?)"
)
_MAILS: Final = (
    Rule("^Completed ?(?P<fields>(?:QT=.*)?)$", "completion"),
    Rule(rf'^[<(]= (?P<from>(?:{QUOTED}|[^\s"])\S*)(?: (?P<fields>[^"]*)(?P<quoted>(?:".*)?))?$', "arrival"),
    Rule(rf"^(?:=>|->|>>) {_HANDED_TO}.*? {_ORIGINAL}(?: {_FIELDS})?$", "delivery"),
    Rule(rf"^(?:=>|->|>>) {_FINAL}(?: (?:{_BETWEEN} )?(?:{_ORIGINAL}(?: |$))?{_FIELDS})?$", "delivery"),
    Rule(rf"^(?:=>|->|>>) (?P<recipient>{_WITH_SPACES}) {_ORIGINAL}(?: {_FIELDS})?$", "delivery"),
    Rule(rf"^\*\* {_UNDELIVERED}(?:: (?P<text>.*?))?(?P<reached>(?: DT=[\d.]+s)?)$", "bounce"),
    Rule(
        rf"^== {_UNDELIVERED}(?: routing| transporting)? defer \((?:[1-9]\d*\): (?P<error>[^:]*?)|-?\w+\))"
        r"(?P<reached>(?: (?:H|DT)=.*?)?)(?:: (?P<text>.*))?$",
        "deferral",
    ),
    Rule(rf"^\*> {_UNDELIVERED}$"),
)
_PLAIN: Final = r'(?P<fields>(?:[A-Z]\w*=[^"]*? )?)'
_WITH_QUOTES: Final = rf'(?P<whole>[A-Z]\w*=(?:[^"<]|{QUOTED}|<{ADDRESS}>)*? )'
_REFUSALS: Final = (
    Rule(
        r"^rejected [A-Z]+ from [^\[]*\[(?P<relay_address>[^\]\s]*)\](?::(?P<relay_port>\d{1,5}))?.*?: (?P<text>.*)$",
        "rejection",
    ),
    Rule(rf'^rejected from (?P<from><{ADDRESS}>) (?P<fields>[^"]*?): (?P<text>.*)$', "rejection"),
    *(
        Rule(
            rf"^{fields}(?:temporarily )?rejected "
            rf"(?:RCPT (?:<(?P<recipient>{ADDRESS})>|(?P<bare_recipient>\S+?))|[^:]*?)(?:: (?P<text>.*))?$",
            "rejection",
        )
        for fields in (_PLAIN, _WITH_QUOTES)
    ),
    Rule(r"^(?:[A-Z]\w*=.*? )?(?:temporarily )?rejected .*$", "rejection"),
    Rule(
        r"^(?:Connection|SMTP call) from .*?\[(?P<relay_address>[^\]\s]*)\](?::(?P<relay_port>\d{1,5}))?.*? "
        r"(?:refused|dropped)(?:: (?P<text>.*))?$",
        "rejection",
    ),
    Rule(r'^SMTP protocol synchronization error \((?P<text>.*?)\): rejected .*? (?P<fields>H=[^"]*).*$', "rejection"),
)
_ON_A_MAIL: Final = (
    "Frozen|frozen |[Uu]nfrozen |[Mm]essage |Spool file |removed by |cancelled |no immediate delivery"
    r"|no recipients|retry time |(?:\S+: )?error ignored|\S+: discarded|SMTP error from |SMTP timeout "
    "|Remote host |Failed to connect |TLS error |TLS session|DKIM|DMARC|SPF|ARC|signer: |sender verify "
    "|lowest numbered |remote host address |routing |delivering |rewrit|spam |malware |event |PRDR |<[^>]*>: "
)
_ON_THE_SERVER: Final = (
    "(?:Start|End) queue run: |SMTP (?:connection|command|syntax|protocol|data|input|call) |no MAIL in "
    r"|unexpected disconnection |TLS client |TLS cert|\w+ authenticator failed |no host name found "
    r"|no IP address found |exim \S+ daemon |daemon: |pid \d|SIG\w+ |cwd=|ident |Warning: |failed to |unable "
    "|internal |list matching |host lookup |Closed connection|Connection |Received |[Cc]annot |[Cc]ould not "
    r"|[Uu]ser |LOG: |re-exec|listening |Tainted |string_|socket |DNS|dnslist |\d+ |ETRN |Exim |Exiting "
)
_REMARKS: Final = (
    Rule(r'^(?P<fields>H=[^"\[]*\[[^"\]]*\](?::\d+)?)(?: I=\[[^\]]*\](?::\d+)?)?:? (?P<text>.*)$'),
    Rule(r"^(?P<fields>U=\S+) (?P<text>.*)$"),
    Rule(rf"^(?P<text>(?:{_ON_A_MAIL}).*)$"),
    Rule(rf"^(?:{_ON_THE_SERVER}).*$"),
    Rule(r"^\[\d+[/\\]\d+\] (?P<text>.*)$"),
)
RULES: Final = (*_MAILS, *_REFUSALS, *_REMARKS)
