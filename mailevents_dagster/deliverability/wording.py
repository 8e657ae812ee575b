"""What the report says of a domain's answers, always in both English and Turkish."""

from __future__ import annotations

from typing import Final

from mailevents_dagster.summaries.wording import Language, Said

WORDINGS: Final = {
    "deliverability": Said("Deliverability", "Teslim edilebilirlik"),
    "yes": Said("yes", "evet"),
    "no": Said("no", "hayır"),
    "good": Said("in order", "yolunda"),
    "look": Said("look at it", "bakın"),
    "wrong": Said("wrong", "sorunlu"),
    "hours_kept": Said("hours counted", "sayılan saatler"),
    "hours": Said("hours of the day", "günün saatleri"),
    "complete": Said("all hours counted", "bütün saatler sayıldı"),
    "mails": Said("mails × recipients", "ileti × alıcı"),
    # Warm-up.
    "warmup": Said("Warm-up", "Isındırma"),
    "within_plan": Said("Within the plan", "Plan içinde"),
    "no_harm": Said("Nothing speaks against more mails", "Daha çok iletiye engel yok"),
    "streams_apart": Said("Transactional mail apart from marketing", "İşlem iletileri pazarlamadan ayrı"),
    "complained": Said("complaints", "şikâyetler"),
    "senders": Said("sending addresses", "gönderen adresler"),
    "mails_in_30_days": Said("mails in 30 days", "30 gündeki iletiler"),
    # Queues.
    "queues": Said("Queues", "Kuyruklar"),
    "nothing_waits_long": Said("Nothing waits long", "Uzun bekleyen yok"),
    "not_throttled": Said("No receiver throttles", "Hiçbir alıcı yavaşlatmıyor"),
    "deferred": Said("put off for the first time", "ilk kez ertelenen"),
    "greylisted": Said("of these, greylisted", "bunlardan gri listeye alınan"),
    "throttled": Said("of these, throttled", "bunlardan yavaşlatılan"),
    "wait_p50": Said("seconds waited, half within", "beklenen saniye, yarısı en çok"),
    "wait_p90": Said("seconds waited, 90 % within", "beklenen saniye, %90’ı en çok"),
    "wait_p99": Said("seconds waited, 99 % within", "beklenen saniye, %99’u en çok"),
    "waiting": Said("still waiting", "hâlâ bekleyen"),
    # Proof.
    "proof": Said("Proof of delivery", "Teslim kanıtı"),
    "proven": Said("delivered, with the receiver's answer", "teslim edildi, alıcının yanıtıyla"),
    "unproven": Said("said to be delivered", "teslim edildiği söylenen"),
    "failed": Said("given up", "vazgeçilen"),
    "unknown": Said("nothing known", "bilinmeyen"),
    "afterwards": Said("only told of afterwards", "yalnız sonradan anılan"),
    "proven_share": Said("share that is proven", "kanıtlı pay"),
}


def say(name: str, language: Language) -> str:
    """Return the words for a name; a day that another version stored may have names without."""
    return WORDINGS[name][language] if name in WORDINGS else name.replace("_", " ")
