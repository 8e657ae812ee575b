"""Words of notices, in many languages: that a mail failed or is late, and that somebody is away.

A text in which none of these stands may still be a notice: they only tell apart what looks like one.
"""

from __future__ import annotations

import re
from typing import Final


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


MAILER_DAEMON: Final = re.compile(r"mail(?:er)?[-_. ]?daemon(?:$|@)", re.IGNORECASE)
DAEMON: Final = re.compile(
    r"(?:mail(?:er)?[-_. ]?daemon|poo?st_?master|post-?office|mail(?:delivery)?system|maildeliver|mdaemon|mmdf|mailer"
    r"|(?:mail|system)-?administrator|bounces?|ndr|dsn)(?:$|[-+.@\\])",
    re.IGNORECASE,
)
"""Local parts of the authors of notices."""
PROGRAM: Final = _any(
    r"(?:no[-_.]?reply|do[-_.]?not[-_.]?reply|auto(?:mail|reply|matic)?|system|sysadmin|notifications?)(?:[-_.+]\w{0,40})?@",
    r"[\w.-]{1,60}[-.]admin@",
    r"[\w.-]{0,60}(?:gateway|antivirus|mailserver|mailfilter|spamfilter)s?@",
)
"""Addresses of programs that may be mail servers, and of many that are not."""
DAEMON_NAME: Final = _any(
    r"mail ?(?:er)?[-_ ]?daemon",
    r"(?:e?-?mail|message) deliver(?:y)? (?:sub-?)?(?:system|service)|mail delivery|mail system",
    r"(?:system|mail) administrator|post ?master|\bndr\b|microsoft (?:outlook|exchange)|interscan",
)
ANSWER: Final = re.compile(r"\s*(?:re|aw|sv|fwd?|fw|wg|tr|rv|ynt|ilt|antw)\s*(?:\[\d+\])?\s*[:：]", re.IGNORECASE)
"""What subjects of people's answers and forwards begin with."""

GOOD_NEWS_SUBJECT: Final = _any(r"success|\(relay", r"(?:was|been) delivered|delivered:")
FAILED_SUBJECT: Final = _any(
    r"undeliver|non-?deliver|nondeliv|not deliver|delayed mail|postmaster notify|not member article",
    r"deliver\w*[ -](?:status|fail|error|problem|has failed|was|report|notif|delay|incomplete|notice|has been delayed)",
    r"fail\w*[ -](?:notice|delivery|to deliver)|mail (?:delivery|failure|system error)|email delivery|notice: mail",
    r"returned? (?:mail|message|to sender)|message (?:delivery|status|could not|not sent|has failed)|errors? from",
    r"could ?n[o'’]t be (?:deliver|sent)|can(?:not|'t) be delivered|system error message",
    r"(?:mail|message) (?:bounced|rejected|blocked|returned)|rejected:|warning: (?:could not send|message|mail)",
    r"error (?:in |while )?(?:sending|deliver)|mail failed|returning (?:(?:mail|message) )?to sender|user unknown",
    r"unzustellbar|zustell\w* ?(?:fehl|verz|status)|nicht zugestellt|onbestelbaar|niet (?:bezorgd|afgeleverd)",
    r"non (?:remis|distribu|délivr)|échec (?:de (?:la )?)?(?:remise|distribution|livraison|d'envoi)",
    r"no se (?:puede|pudo|ha podido) entregar|no entregad|entrega fallida|fallo (?:en|de) (?:la )?entrega",
    r"não entreg|falha na entrega|mancat[oa] (?:recapito|consegna)|impossibile recapitare|non recapitabil",
    r"niedoręcz|niedostarcz|nie (?:została )?dostarcz|iletilemedi|iletilemeyen|teslim edilemedi|teslim edilemeyen",
    r"nedoruč|kézbesíthetetlen|sikertelen kézbesítés|olever|går inte att leverera|kan ikke leveres|ikke lever(?:t|et)",
    r"ei voi(?:tu)? toimittaa|toimittamatta|nelivra|δεν παραδόθηκ|не вдалося достав|غير قابل للتسليم|לא ניתן למסירה",
    r"gönderilemedi|ulaştırılamadı|недостав|не доставлен|не может быть доставлен|возвращен",
    r"配信(?:不能|失敗|エラー|できま)|送信(?:エラー|できま|失敗)|不達|返送|エラー(?:メール|通知)",
    r"退信|投递失败|未送达|无法(?:送达|投递|发送)|傳遞失敗|無法(?:傳遞|投遞|送達)|退件",
    r"(?:배달|전달)(?:되지|할 수| ?실패)|(?:발송|전송|수신) ?실패|반송",
)
FAILED_TEXT: Final = _any(
    r"(?:not|n['’]t|unable|cannot|failed|impossible)[^.\n]{0,40}(?:deliver|be sent|be reached|reach|accept|forward)",
    r"deliver\w*[^.\n]{0,40}(?:fail|error|problem|not|n['’]t|delayed|undeliver)|undeliver|non-?deliver|unsent message",
    r"fail(?:ed|ure)[^.\n]{0,30}(?:deliver|permanent|recipient|address|send|reason)|fatal (?:delivery )?errors",
    r"(?:was|were|been) (?:rejected|blocked)|rejected (?:your|the|recipient)",
    r"permanent(?: fatal)? error|returned to sender",
    r"did not (?:reach|like)|error[^.\n]{0,40}(?:deliver|occurred|sending)|non-?fatal errors|has been delayed",
    r"transcript of (?:the )?(?:session|attempts)|had delivery|(?:trouble|problem) delivering|no valid recipients",
    r"invalid final delivery|unknown user|user unknown|user not known|unknown host|may not exist|not (?:a )?member",
    r"no such (?:user|mailbox|address|account)|not a valid (?:user|mailbox|recipient|address|account)",
    r"failed because|has been returned|no longer valid|automatically rejected",
    r"(?:nicht|konnte)[^.\n]{0,80}(?:zugestellt|zustell|übermittelt)|unzustellbar|zustellung[^\n]{0,30}fehl",
    r"(?:n['’](?:a|ont) p|ne peut|impossible)[^.\n]{0,80}(?:remis|distribu|délivr|livr|achemin|envoy|remettre)|échec",
    r"no (?:se )?(?:ha|pudo|puede|pudimos|fue|entreg)[^.\n]{0,60}(?:entreg|envi)|no se entreg",
    r"n[ãa]o (?:foi|p[ôo]de|pode)[^.\n]{0,60}(?:entreg|envi)|(?:non|impossibile)[^.\n]{0,80}(?:consegn|recapit)",
    r"nie (?:zosta|mo|uda)[^.\n]{0,80}(?:dostarcz|doręcz|wysł)|niedoręcz|niedostarcz|nelze doručit",
    r"nebyl\w* doruč|nepodařilo (?:se )?doruč",
    r"nedoruč|kézbesít|nu a putut fi livrat|ei voitu toimittaa|toimitus epäonnistui",
    r"iletil(?:e?medi|emem)|teslim (?:edile?medi|edilemez|başarısız)|gönderile?medi|ulaştırılamadı|onbestelbaar",
    r"(?:niet|kon)[^.\n]{0,60}(?:bezorgd|afgeleverd|verzonden)|(?:inte|ikke|kunde)[^.\n]{0,60}lever",
    r"(?:не|нельзя|невозможно)[^.\n]{0,80}(?:доставл|отправ)|недостав|не існує|не вдалося|μην υπάρχει|δεν παραδόθηκ",
    r"(?:配信|送信|配送|送達|伝送|届け)[^。\n]{0,30}(?:でき|失敗|不能|ませんでした)|失敗|存在しな",
    r"無法|无法|未能|失败|退信|退回|(?:전달|배달|발송|전송|수신)[^.\n]{0,30}(?:되지|할 수|하지|실패|못)|반송",
)
DELAYED: Final = _any(
    r"\bdelay(?:ed|ing)?\b|warning message only|not (?:yet )?been delivered (?:to|after)|still being retried",
    r"not yet (?:been )?(?:deliver|receiv|sent)|(?:will|to) (?:be retried|retry|keep trying|continue (?:to )?try)",
    r"will try again|continue (?:to )?(?:trying|try|deliver)|delivery attempts will continue|(?:no|not) need to resend",
    r"undeliverable for \d+ (?:hour|day)|transient non-fatal|temporarily deferred, and|will be attempted",
    r"verzögert|retardé|en retard|retrasad|demora|ritardat|atrasad|задерж|отложен|gecik|opóźnion|vertraagd|försenad",
    r"遅延|遅れて|延迟|延遲|지연",
)
GIVEN_UP: Final = _any(
    r"giv(?:en|ing) up|not going to try again|permanent(?:ly)? (?:fail|error|fatal)|(?:this|it) is a permanent",
    r"no further (?:delivery )?attempt|will not (?:continue|be retried|try)|retry timeout exceeded|undeliverable mail",
    r"despite repeated",
)
AWAY_SUBJECT: Final = _any(
    r"out[- ]of[- ](?:the )?office|auto(?:matic|mated|matically|mated-)?[- ]?(?:repl|respon|answer|generated repl)",
    r"^\s*auto\s*:|vacation|on (?:annual |sick |maternity |paternity )?leave|on holiday|i am away",
    r"away from (?:the |my )?(?:office|desk)|abwesen|automatische antwort|außer haus|im urlaub|urlaubsmeldung",
    r"réponse automatique|absence du bureau|absent du bureau|en congé|message d'absence",
    r"respuesta autom|fuera de (?:la )?oficina|risposta automatica|fuori (?:sede|ufficio)",
    r"resposta autom|ausência|fora do escritório|automatisch antwoord|afwezig|autosvar|automatiskt svar|frånvaro",
    r"automaattinen|poissa|fraværende|ikke på kontoret|автоматический ответ|автоответ|вне офиса|в отпуске|отсутств",
    r"автоматична відповідь|odpowiedź automatyczna|autoodpowied|nieobecn|automatická odpov|mimo kancelář",
    r"automatyczna odpowied",
    r"automatikus válasz|házon kívül|răspuns automat|αυτόματη απάντηση|otomatik (?:yanıt|cevap)|ofis dışında|izinde",
    r"自動(?:返信|応答|回覆)|不在|休暇|自动(?:回复|答复)|外出|休假|자동 ?(?:응답|회신|답장)|부재 ?중|휴가",
    r"תשובה אוטומטית|رد تلقائي|ตอบกลับอัตโนมัติ|trả lời tự động|balasan otomatis",
)
AWAY_PREFIX: Final = re.compile(
    r"\s*\[?(?:auto(?:matic|mated)?[- ]?(?:reply|response)|out of (?:the )?office auto-?reply|automatische antwort"
    r"|abwesenheitsnotiz|réponse automatique|respuesta automática|risposta automatica|resposta automática"
    r"|otomatik (?:yanıt|cevap)|automatisch antwoord|automatiskt svar|autosvar|automatyczna odpowiedź"
    r"|odpowiedź automatyczna|автоматический ответ|自動(?:返信|応答)|自动(?:答复|回复)|자동 ?(?:회신|응답))\]?\s?[:：]"
    r"|\s*auto: .{0,80}out of the office",
    re.IGNORECASE,
)
"""What mail programs put before the subject that they answer. No person begins a subject so."""
