"""What charts and the report say, in English and in Turkish: no sentence exists in one of them alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

Language = Literal["en", "tr"]
LANGUAGES: Final = get_args(Language)


@dataclass(frozen=True, slots=True)
class Said:
    """One wording in both languages."""

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
    "nothing": Said("nothing on this day", "bu günde kayıt yok"),
}


def say(name: str, language: Language) -> str:
    """The wording of this name."""
    return WORDINGS[name][language]
