"""Words of notices, in many languages: that a mail failed or is late, and that somebody is away."""

from __future__ import annotations

import re
from typing import Final

DAEMON: Final = re.compile(
    r"(?:mail(?:er)?[-_. ]?daemon|poo?stmaster|post_?master|post-?office|mail(?:delivery)?system|maildeliver|mdaemon|mmdf|"
    r"mailer|mail-?administrator|system-?administrator|bounces?|ndr|dsn)(?:$|[-+.@])",
    re.IGNORECASE,
)
"""Local parts of the authors of notices."""
DAEMON_NAME: Final = re.compile(
    r"mail ?(?:er)?[-_ ]?daemon|(?:e?-?mail|message) deliver(?:y)? (?:sub-?)?(?:system|service)|mail delivery|"
    r"internet mail delivery|system administrator|post ?master|mail administrator|mail system|\bndr\b|microsoft (?:outlook|exchange)",
    re.IGNORECASE,
)
ANSWER: Final = re.compile(r"\s*(?:re|aw|sv|fwd?|fw|wg|tr|rv|ynt|ilt|antw)\s*(?:\[\d+\])?\s*[:：]", re.IGNORECASE)
"""Subjects that people's answers and forwards begin with."""

_NOT: Final = r"(?:not|n['’]t|unable|cannot|failed|impossible)"
FAILED_SUBJECT: Final = re.compile(
    r"undeliver|non-?deliver|not deliver|deliver\w*[ -](?:status|fail|error|problem|has failed|was|report|notif|delay|"
    r"incomplete|notice|has been delayed)|fail\w*[ -](?:notice|delivery|to deliver)|mail (?:delivery|failure|system error)|"
    r"returned? (?:mail|message|to sender)|message (?:delivery|status|could not|not sent|has failed)|could ?n[o'’]t be (?:deliver|sent)|"
    r"can(?:not|'t) be delivered|(?:mail|message) (?:bounced|rejected|blocked|returned)|delayed mail|rejected:|postmaster notify|"
    r"warning: (?:could not send|message|mail)|email delivery|error (?:in|while) (?:sending|deliver)|not member article|"
    r"system error message|notice: mail|errors? from|nondeliv|unzustellbar|unzustellbarkeit|zustell\w* ?(?:fehl|verz|status)|"
    r"nicht zugestellt|non (?:remis|distribu|délivr)|échec (?:de (?:la )?)?(?:remise|distribution|livraison|d'envoi)|"
    r"no se (?:puede|pudo|ha podido) entregar|no entregad|entrega fallida|fallo (?:en|de) (?:la )?entrega|não entreg|falha na entrega|"
    r"mancat[oa] (?:recapito|consegna)|impossibile recapitare|non recapitabil|niedoręcz|niedostarcz|nie (?:została )?dostarcz|"
    r"iletilemedi|teslim edilemedi|gönderilemedi|teslim edilemeyen|iletilemeyen|ulaştırılamadı|onbestelbaar|niet (?:bezorgd|afgeleverd)|"
    r"недостав|не доставлен|не может быть доставлен|возвращен|配信(?:不能|失敗|エラー|できま)|送信(?:エラー|できま|失敗)|送達|"
    r"不達|返送|エラー(?:メール|通知)|退信|投递失败|未送达|无法(?:送达|投递|发送)|傳遞失敗|無法(?:傳遞|投遞|送達)|退件|"
    r"배달(?:되지|할 수|실패| 실패)|전달(?:되지|할 수)|발송 ?실패|반송|전송 ?실패|수신 ?실패",
    re.IGNORECASE,
)
FAILED_TEXT: Final = re.compile(
    rf"{_NOT}[^.\n]{{0,40}}(?:deliver|be sent|be reached|reach|accept|forward)|deliver\w*[^.\n]{{0,40}}(?:fail|error|problem|{_NOT}|"
    r"delayed|undeliver)|undeliver|non-?deliver|fail(?:ed|ure)[^.\n]{0,30}(?:deliver|permanent|recipient|address|send|reason)|"
    r"(?:was|were|been) rejected|rejected (?:your|the|recipient)|permanent(?: fatal)? error|fatal (?:delivery )?errors|returned to sender|"
    r"did not (?:reach|like)|error[^.\n]{0,40}(?:deliver|occurred|sending)|non-?fatal errors|has been delayed|still undelivered|"
    r"transcript of (?:the )?(?:session|attempts)|unsent message|had delivery|trouble delivering|problem delivering|no valid recipients|"
    r"invalid final delivery|unknown user|user unknown|unknown host|may not exist|you are not a member|not member|"
    r"(?:nicht|konnte)[^.\n]{0,80}(?:zugestellt|zustell|übermittelt)|unzustellbar|zustellung[^\n]{0,30}fehl|"
    r"(?:n['’]a pas|n['’]ont pas|ne peut|n['’]a pu|impossible)[^.\n]{0,80}(?:remis|distribu|délivr|livr|achemin|envoy|remettre)|échec|"
    r"no (?:se )?(?:ha|pudo|puede|pudimos|fue|entreg)[^.\n]{0,60}(?:entreg|envi)|no se entreg|n[ãa]o (?:foi|p[ôo]de|pode)[^.\n]{0,60}"
    r"(?:entreg|envi)|(?:non|impossibile)[^.\n]{0,80}(?:consegn|recapit)|nie (?:zosta|mo|uda)[^.\n]{0,80}(?:dostarcz|doręcz|wysł)|"
    r"niedoręcz|niedostarcz|iletilemedi|teslim edilemedi|gönderilemedi|ulaştırılamadı|iletilmedi|(?:niet|kon)[^.\n]{0,60}(?:bezorgd|"
    r"afgeleverd|verzonden)|onbestelbaar|(?:inte|ikke|kunde)[^.\n]{0,60}lever|nelze doručit|nebyl\w* doruč|"
    r"(?:не|нельзя|невозможно)[^.\n]{0,80}(?:доставл|отправ)|недостав|не існує|може не|не вдалося|μην υπάρχει|δεν παραδόθηκ|"
    r"(?:配信|送信|配送|送達|伝送|届け)[^。\n]{0,30}(?:でき|失敗|不能|ませんでした)|失敗|無法|无法|未能|失败|退信|退回|存在しな|"
    r"(?:전달|배달|발송|전송|수신)[^.\n]{0,30}(?:되지|할 수|하지|실패|못)|반송",
    re.IGNORECASE,
)
DELAYED: Final = re.compile(
    r"\bdelay(?:ed|ing)?\b|warning message only|not (?:yet )?been delivered (?:to|after)|not yet (?:been )?(?:deliver|receiv|sent)|"
    r"(?:will|to) (?:be retried|retry|keep trying|continue (?:to )?try|try again)|still being retried|continue (?:to )?(?:trying|try|deliver)|"
    r"delivery attempts will continue|(?:no|not) need to resend|undeliverable for \d+ (?:hour|day)|transient non-fatal|"
    r"will be attempted|temporarily deferred, and|verzögert|retardé|en retard|retrasad|demora|ritardat|atrasad|задерж|отложен|"
    r"遅延|遅れて|延迟|延遲|지연|gecik|opóźnion|vertraagd|försenad|forsinket",
    re.IGNORECASE,
)
GIVEN_UP: Final = re.compile(
    r"giv(?:en|ing) up|not going to try again|permanent(?:ly)? (?:fail|error|fatal)|(?:this|it) is a permanent|"
    r"no further (?:delivery )?attempt|will not (?:continue|be retried|try)|retry timeout exceeded|undeliverable mail|"
    r"despite repeated",
    re.IGNORECASE,
)
AWAY_SUBJECT: Final = re.compile(
    r"out[- ]of[- ](?:the )?office|auto(?:matic|mated|matically|mated-)?[- ]?(?:repl|respon|answer|generated repl)|^\s*auto\s*:|"
    r"vacation|on (?:annual |sick |maternity |paternity )?leave|on holiday|away from (?:the |my )?(?:office|desk)|i am away|"
    r"abwesen|automatische antwort|außer haus|im urlaub|urlaubsmeldung|réponse automatique|absence du bureau|absent du bureau|"
    r"en congé|message d'absence|respuesta autom|fuera de (?:la )?oficina|risposta automatica|fuori (?:sede|ufficio)|"
    r"resposta autom|ausência|fora do escritório|automatisch antwoord|afwezig|autosvar|automatiskt svar|frånvaro|automaattinen|"
    r"poissa|fraværende|ikke på kontoret|автоматический ответ|автоответ|вне офиса|в отпуске|отсутств|автоматична відповідь|"
    r"odpowiedź automatyczna|autoodpowied|nieobecn|automatická odpov|mimo kancelář|automatikus válasz|házon kívül|"
    r"răspuns automat|αυτόματη απάντηση|otomatik (?:yanıt|cevap)|ofis dışında|izinde|自動(?:返信|応答|回覆)|不在|休暇|自动(?:回复|答复)|"
    r"不在办公室|外出|休假|자동 ?(?:응답|회신|답장)|부재 ?중|휴가|תשובה אוטומטית|رد تلقائي|ตอบกลับอัตโนมัติ|trả lời tự động|balasan otomatis",
    re.IGNORECASE,
)
