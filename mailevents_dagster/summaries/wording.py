"""What charts and the report say, always in both English and Turkish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from mailevents_dagster.summaries.anonymous import WITH_ADDRESS
from mailevents_dagster.summaries.counts import NONE

Language = Literal["en", "tr"]
LANGUAGES: Final = get_args(Language)


@dataclass(frozen=True, slots=True)
class Said:
    """A wording in both languages."""

    en: str
    tr: str

    def __getitem__(self, language: Language) -> str:
        return self.tr if language == "tr" else self.en


WORDINGS: Final = {
    "volume": Said("Volume", "Hacim"),
    "deliverability": Said("Deliverability", "Teslim edilebilirlik"),
    "quarantine": Said("Quarantine", "Karantina"),
    "sign_ins": Said("Sign-ins", "Oturum açmalar"),
    "mails_by_hour": Said("Mails by hour", "Saatlere göre iletiler"),
    "incoming": Said("incoming", "gelen"),
    "outgoing": Said("outgoing", "giden"),
    "outcomes": Said("Outcomes", "Sonuçlar"),
    "delivered": Said("delivered", "teslim edildi"),
    "deferred": Said("deferred", "ertelendi"),
    "bounced": Said("bounced", "geri döndü"),
    "rejected": Said("rejected", "reddedildi"),
    "quarantined": Said("quarantined", "karantinada"),
    "held": Said("held", "bekletiliyor"),
    "other": Said("other", "diğer"),
    "unknown": Said("unknown", "bilinmiyor"),
    "bounce_classes": Said("Why bounced or rejected", "Geri dönme ve ret nedenleri"),
    "address": Said("address", "adres"),
    "mailbox": Said("mailbox", "posta kutusu"),
    "over_quota": Said("over quota", "kota dolu"),
    "policy": Said("policy", "politika"),
    "routing": Said("routing", "yönlendirme"),
    "no_code": Said("no code", "kod yok"),
    "reasons": Said("Reasons", "Nedenler"),
    "scores": Said("Scores", "Puanlar"),
    "failed_by_hour": Said("Failed sign-ins by hour", "Saatlere göre başarısız oturum açmalar"),
    "failed": Said("failed", "başarısız"),
    "succeeded": Said("succeeded", "başarılı"),
    "spike": Said("spike", "sıçrama"),
    "title": Said("Mail events of", "E-posta olayları:"),
    "timezone": Said("Time zone", "Saat dilimi"),
    "made_at": Said("made", "hazırlandı"),
    "hours_kept": Said("hours counted", "sayılan saatler"),
    "incomplete": Said(
        "Some hours of this day are not stored. All numbers are of the hours that are.",
        "Bu günün bazı saatleri kayıtlı değil. Bütün sayılar kayıtlı saatlere aittir.",
    ),
    "why_you_get_this": Said(
        "You get this since report.mail.to in the settings of mailevents names you. To leave, answer this mail.",
        "Bu iletiyi, mailevents ayarlarındaki report.mail.to sizi içerdiği için alıyorsunuz. Ayrılmak için yanıtlayın.",
    ),
    "numbers": Said("Numbers", "Sayılar"),
    "what": Said("what", "ne"),
    "count": Said("count", "sayı"),
    "name": Said("name", "ad"),
    "hour": Said("hour", "saat"),
    "domain": Said("domain", "alan adı"),
    "by_domain": Said("By domain", "Alan adlarına göre"),
    "mails": Said("mails", "iletiler"),
    "mails_incoming": Said("incoming mails", "gelen iletiler"),
    "mails_outgoing": Said("outgoing mails", "giden iletiler"),
    "mails_in_busiest_hour": Said("mails in the busiest hour", "en yoğun saatteki iletiler"),
    "megabytes": Said("megabytes", "megabayt"),
    "units": Said("mails × recipients", "ileti × alıcı"),
    "deliveries_timed": Said("deliveries with a time", "zamanı bilinen teslimler"),
    "delivery_seconds_p50": Said("seconds to delivery, half within", "teslime kadar saniye, yarısı en çok"),
    "delivery_seconds_p90": Said("seconds to delivery, 90 % within", "teslime kadar saniye, %90’ı en çok"),
    "delivery_seconds_p99": Said("seconds to delivery, 99 % within", "teslime kadar saniye, %99’u en çok"),
    "classes": Said("Why not delivered, by status code", "Durum koduna göre teslim edilmeme nedenleri"),
    "class": Said("class", "sınıf"),
    "bounce_class": Said("bounced or rejected", "geri dönen veya reddedilen"),
    "deferral_class": Said("deferred", "ertelenen"),
    "sender_domain": Said("Top sender domains", "En çok gönderen alan adları"),
    "recipient_domain": Said("Top recipient domains", "En çok alan alan adları"),
    "reason": Said("Reasons for keeping mails back", "İletilerin alıkonma nedenleri"),
    "kept_back": Said("kept back", "alıkonan"),
    "scored": Said("with a score", "puanı olan"),
    "score_median": Said("median score", "ortanca puan"),
    "users_with_failures": Said("users with failures", "başarısız denemesi olan kullanıcılar"),
    "addresses_with_failures": Said("addresses with failures", "başarısız denemesi olan adresler"),
    "spike_hours": Said("hours with unusually many failures", "olağandışı çok başarısızlık olan saatler"),
    "failures_of_user": Said("Failed sign-ins by user", "Kullanıcılara göre başarısız oturum açmalar"),
    "failures_of_address": Said("Failed sign-ins by address", "Adreslere göre başarısız oturum açmalar"),
    "server": Said("server", "sunucu"),
    "by_server": Said("By server", "Sunuculara göre"),
    "server_traffic": Said("Traffic of mail servers", "Posta sunucularının trafiği"),
    "events_by_hour": Said("Events by hour", "Saatlere göre olaylar"),
    "arrivals": Said("arrivals", "gelişler"),
    "deliveries": Said("deliveries", "teslimler"),
    "deferrals": Said("deferrals", "ertelemeler"),
    "bounces": Said("bounces", "geri dönmeler"),
    "rejections": Said("rejections", "retler"),
    "arrivals_in_busiest_hour": Said("arrivals in the busiest hour", "en yoğun saatteki gelişler"),
    "lines": Said("lines of the log", "günlük satırları"),
    "unknown_lines": Said("lines that no rule knew", "hiçbir kuralın tanımadığı satırlar"),
    "server_bounces": Said("Bounces of mail servers", "Posta sunucularında geri dönmeler"),
    "failures_by_hour": Said("Failed attempts by hour", "Saatlere göre başarısız denemeler"),
    "failures": Said("failed attempts", "başarısız denemeler"),
    "hard": Said("hard", "kalıcı"),
    "soft": Said("soft", "geçici"),
    "with_pattern": Said("that match a pattern", "bir kalıba uyanlar"),
    "refusal_reason": Said("What was refused of the sender", "Gönderenin neyi reddedildi"),
    "class_rule": Said("Rules that tell the class", "Sınıfı belirleyen kurallar"),
    "pattern": Said("Patterns that match", "Uyan kalıplar"),
    "code": Said("Reply codes", "Yanıt kodları"),
    "enhanced_code": Said("Enhanced codes", "Ayrıntılı kodlar"),
    "receiving_host": Said("Receiving hosts", "Alan sunucular"),
    "reputation": Said("reputation", "itibar"),
    "content": Said("content", "içerik"),
    "authentication": Said("authentication", "kimlik doğrulama"),
    "rule": Said("a rule of the receiver", "alıcının bir kuralı"),
}


OF_KEYS: Final = {
    NONE: Said("(none)", "(yok)"),
    WITH_ADDRESS: Said("(with an address)", "(adres içeriyor)"),
}
"""Keys of counts that do not name anything."""


REASONS: Final = ("reputation", "content", "authentication", "rule")
"""Keys of `refusal_reason`, which have wordings."""


def say_key(key: str, language: Language) -> str:
    """Return the key of a count for people: most are names, the same in both languages."""
    return OF_KEYS[key][language] if key in OF_KEYS else key


def say_reason(reason: str, language: Language) -> str:
    """Return what was refused of a sender."""
    return say(reason, language) if reason in REASONS else reason


def say(name: str, language: Language) -> str:
    return WORDINGS[name][language]
