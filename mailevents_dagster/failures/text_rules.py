"""What texts say: phrases of the large receivers, of Exim, Postfix and Exchange, and of other languages.

Phrases are facts that the servers' makers and operators published, or that their answers show.
"""

from __future__ import annotations

from typing import Final

from mailevents_dagster.failures.classes import BounceClass, Reason, Rule, phrases
from mailevents_dagster.failures.full_mailboxes import FULL_MAILBOX
from mailevents_dagster.failures.unknown_recipients import UNKNOWN_RECIPIENTS

_HARD: Final = BounceClass.HARD
_SOFT: Final = BounceClass.SOFT
_POLICY: Final = BounceClass.POLICY

_PERMANENT_REPLIES: Final = tuple(range(500, 600))

BEFORE_CODES: Final[tuple[Rule, ...]] = (
    # Exchange Online answers so where a domain has no such recipient; 5.4.1 itself says that no host answered.
    Rule("exchange-no-recipient", _HARD, enhanced=("5.4.1",), texts=("recipient address rejected: access denied",)),
    # RFC 4954's 5.7.9 asks for another way to sign in; Yahoo means its policy.
    Rule("yahoo-policy", _POLICY, Reason.RULE, enhanced=("x.7.9",), texts=("policy reasons",)),
    Rule(
        "aol-policy",
        _POLICY,
        Reason.REPUTATION,
        codes=_PERMANENT_REPLIES,
        texts=("(rtr:b", "(con:b", "(hvu:b", "(rly:b", "(cld:b", "(dns:b"),
    ),
    # Who refuses the sender's host gives any code, also those of addresses that do not exist.
    Rule(
        "sender-listed",
        _POLICY,
        Reason.REPUTATION,
        enhanced=("5.1.1", "5.2.1"),
        texts=("is blacklisted", "blocked using", "your ip", "sender's ip", "sending ip"),
    ),
    Rule("receives-too-fast", _SOFT, texts=("receiving mail at a rate", "receiving mail too quickly")),
    Rule("sender-quota", _SOFT, texts=("sending quota", "sending limit", "relay limit exceeded")),
    Rule("address-unverified", _SOFT, texts=("unverified address", "address verification in progress")),
    Rule(
        "sender-domain",
        _POLICY,
        Reason.AUTHENTICATION,
        texts=phrases(
            "sender address rejected: domain not found | domain of sender address | sender domain",
            "sender's domain | domain of the sender | sending domain",
        ),
    ),
    Rule(
        "sender-refused",
        _POLICY,
        Reason.RULE,
        texts=phrases(
            "sender address rejected | sender rejected | sender denied | sender refused | sender is rejected",
            "sender verify | sender verification | sender callout | invalid sender | verification failed for",
            "sender address is invalid | sender blocked | sender not allowed | bad outbound sender",
            "return path | envelope sender | message sending for this account is disabled",
            "mail from must equal authorized | fake sender | absenderadresse | absender gesperrt | gönderen adres",
            "göndericinin | expéditeur refusé | expéditeur bloqué | remitente bloqueado | remitente rechazado",
        ),
    ),
    FULL_MAILBOX,
    Rule(
        "greylisting",
        _SOFT,
        texts=phrases(
            "greylist | graylist | grey list | gray list | grey-list | gray-list | postgrey | gris list",
        ),
    ),
)

_NO_SUCH_DOMAIN: Final = Rule(
    "no-such-domain",
    _HARD,
    texts=phrases(
        "nxdomain | null mx | nullmx | indicated no smtp service | dns domain does not exist",
        "domain does not accept mail | domain does not exist | doesn't receive email",
    ),
    overrides_passing=True,
)
_RATES: Final = (
    Rule("never-again", _POLICY, Reason.REPUTATION, texts=("permanently deferred", "retrying will not succeed")),
    Rule(
        "rate-by-reputation",
        _SOFT,
        Reason.REPUTATION,
        codes=tuple(range(400, 500)),
        texts=phrases(
            "unusual rate of unsolicited | due to user complaints | or user complaints",
            "due to ip reputation | low reputation of | you send too many | has been temporarily blocked",
            "temporarily rate limited",
        ),
    ),
    Rule(
        "rate",
        _SOFT,
        texts=phrases(
            "rate limit | rate-limit | ratelimit | frequency limited | throttl | temporarily deferred",
            "too many connections | too many concurrent | too many messages | too many sessions",
            "too many invalid | too many unknown | too many bad",
            "too many recipients | too many errors | message rate | connection rate | excessive volume",
            "exceeded the rate | max message per connection | more than is allowed | per hour | too fast",
        ),
    ),
)

_REPUTATION: Final = Rule(
    "reputation",
    _POLICY,
    Reason.REPUTATION,
    texts=phrases(
        "blacklist | black list | black-list | blocklist | block list | block-list | denylist | dnsbl",
        "spamhaus | spamcop | sorbs.net | barracuda | mailspike | uceprotect | abuseat | surbl",
        "rbl deny | by rbl | an rbl | rbl:",
        "blocked using | blocked for abuse | listed at | listed by | is listed in | listed on",
        "reputation | user complaints | unfortunately, messages from | weren't sent. please contact",
        "banned sending ip | access denied, banned | blocked by ldap | is on our block | s3140 | s3150 | (sc-00",
        "(ou-00 | (dy-00 | (rp-00 | unsolicited mail originating | spamtrap | spam trap | ip is filtered",
        "ip is blocked | your ip has been | ip address has been blocked | ip address is blocked",
        "client host blocked | bad ip | black ip | registered as spammer | das51",
        "problem occurred. (ask your postmaster | aup# | spam source | kara liste | чёрном списке | 黑名单",
        "liste noire | lista negra | lista nera | schwarze liste | schwarzen liste | czarnej liście | zwarte lijst",
    ),
)
_AUTHENTICATION: Final = Rule(
    "authentication",
    _POLICY,
    Reason.AUTHENTICATION,
    texts=phrases(
        "spf record | spf check | spf fail | spf validation | spf: | (spf | spf policy",
        "spf authentication | failed spf | not pass spf | sender policy framework | by spf | spf- | dkim",
        "dmarc | arc validation | unauthenticated | not authenticated | authentication requirement",
        "authentication checks | authentication required | authentication is required | authrequired",
        "must authenticate | smtp auth | reverse dns | rdns | reverse lookup | reverse hostname",
        "cannot find your hostname | no ptr | ptr record | ptr resource record | dns ptr | missing ptr",
        "not fqdn | fully-qualified hostname",
        "helo command rejected | invalid helo | bad helo | helo/ehlo | invalid ehlo | helo name",
        "sender id | message is not rfc",
    ),
)
_HEADERS: Final = Rule(
    "headers",
    _POLICY,
    Reason.CONTENT,
    texts=phrases(
        "duplicate header | header error | headers too large | invalid header | missing header",
        "from: header",
    ),
)
_CONTENT: Final = Rule(
    "content",
    _POLICY,
    Reason.CONTENT,
    texts=phrases(
        "spam message | looks like spam | considered spam | identified as spam | classified as spam",
        "detected as spam | suspected spam | spam detected | spam content | spam score | this is spam",
        "message is spam | spamassassin | likely unsolicited | unsolicited bulk | mcspamsignature",
        "junk mail | virus | malware | phishing | trojan | malicious | content rejected | content denied",
        "content policy | message content | içerik filtre | spamverdacht",
        "suspicious url | suspicious link | attachment",
        "rejected by content | [cs01] | dt:spm | anti-spam engine | spam olarak | 스팸메일 | 스팸 메일",
        "스팸으로 | спам | 垃圾邮件 | 迷惑メール | スパム",
    ),
)
_TOO_LARGE: Final = Rule(
    "too-large",
    _POLICY,
    Reason.RULE,
    texts=phrases(
        "message size exceeds | message size exceeded | message too large | message is too large | message too big",
        "maximum message size | message exceeds | size limit | exceeds size | exceeds the maximum",
        "zu groß | zu gross | trop volumineux | demasiado grande | muito grande | troppo grande | te groot",
        "çok büyük | boyutu sınır | boyut sınır | слишком большо | 크기 제한 | 크기가 제한 | 크기를 초과 | 大きすぎ",
        "サイズ制限 | 邮件过大 | 邮件太大",
        "mail is too large | exceeded max message size | exceeded maximum message size",
    ),
)
_RELAYING: Final = Rule(
    "relaying",
    _POLICY,
    Reason.RULE,
    texts=phrases(
        "relay access denied | relaying denied | relay denied | relay not permitted",
        "relaying not allowed | relaying is not | unable to relay | not permitted to relay",
        "do not relay | denies relay | relay operation | relay prohibited | relaying prohibited",
        "not allowed to relay | non-accepted domain | allowed rcpthosts | list of allowed hosts",
        "relay attempt | no relay",
    ),
)
_RECIPIENT_RULE: Final = Rule(
    "recipient-rule",
    _POLICY,
    Reason.RULE,
    texts=phrases(
        "only accepts mail from | only accept mail from | allowed senders | user's reject list",
        "resolver.rst | sendernotauthenticated | restricted to | you are not allowed to",
        "not allowed to send | user rejected | recipient has blocked",
        "refused due to recipient preferences | blocked by recipient | not in my contact | not a member",
        "recipient does not accept mail from | 수신거부 | 수신 거부",
    ),
)

_NETWORK: Final = Rule(
    "network",
    _SOFT,
    texts=phrases(
        "timed out | timeout | connection refused | not reachable | no route to host",
        "network unreachable | unreachable | connection reset | closed connection | connection lost | lost connection",
        "connection dropped | remote host closed | host is down | failing for a long time",
        "couldn't connect | could not connect | wasn't able to establish | not accepting connections",
        "no answer from host | try again | host lookup did not complete | requests to connect",
        "smtp connection | network is busy | tls negotiation failed | tls handshake",
    ),
)
_SYSTEM: Final = Rule(
    "system",
    _SOFT,
    texts=phrases(
        "retry time not reached | delivery temporarily suspended | server busy | server is busy",
        "too busy | overload | temporary | temporarily | try later | please retry",
        "resources unavailable | insufficient system | insufficient disk | no space left | queue is full",
        "disk full | out of memory | service unavailable | service not available",
        "service currently unavailable | currently unavailable | expired",
        "could not deliver for the last | still undelivered | local error | internal error",
        "internal server error | 잠시 후 | 일시적 | essayer plus tard | daha sonra tekrar",
    ),
)

_LOOP: Final = Rule(
    "routing-loop",
    _SOFT,
    texts=phrases(
        "mail loop | routing loop | forwarding loop | message loop | too many hops | hop count | hopcount",
        'loops back to myself | loop detected | loopdetected | too many "received" headers | too many received',
    ),
)

_WEAK: Final = (
    Rule("spam", _POLICY, Reason.CONTENT, texts=("spam", "unsolicited")),
    Rule(
        "blocked",
        _POLICY,
        Reason.REPUTATION,
        texts=phrases(
            "blocked | banned | 차단되 | 차단된 | 차단하 | engellen | blockiert | bloqué | bloquead | bloccat",
            "ブロックされ | 被拦截",
        ),
    ),
    Rule(
        "policy",
        _POLICY,
        Reason.RULE,
        texts=phrases(
            "policy | policies | administrative prohibition | administratively | access denied",
            "not authorized | not permitted | prohibited | client host rejected | starttls command first",
            "tls required | encryption required | encryption needed | message refused | your access",
        ),
    ),
    # Whatever is refused before a recipient was named cannot be for the recipient's sake.
    Rule(
        "before-recipient",
        _POLICY,
        Reason.RULE,
        codes=_PERMANENT_REPLIES,
        texts=phrases(
            "after initial connection | after ehlo | after helo | after mail from | refused to talk to me",
            "in reply to ehlo | in reply to helo | in reply to mail from",
        ),
    ),
)

TEXTS: Final[tuple[Rule, ...]] = (
    _NO_SUCH_DOMAIN,
    *_RATES,
    *(_REPUTATION, _HEADERS, _AUTHENTICATION, _CONTENT, _TOO_LARGE, _RELAYING, _RECIPIENT_RULE),
    _LOOP,
    *UNKNOWN_RECIPIENTS,
    *(_NETWORK, _SYSTEM),
    *_WEAK,
)
