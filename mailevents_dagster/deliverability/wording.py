"""What the report says of a domain's answers, always in both English and Turkish."""

from __future__ import annotations

from typing import Final

from mailevents_dagster.deliverability.lint import wording as lint
from mailevents_dagster.summaries.wording import Language, Said

WORDINGS: Final = {
    **lint.WORDINGS,
    "deliverability": Said("Deliverability", "Teslim edilebilirlik"),
    "what": Said("what", "ne"),
    "count": Said("count", "sayı"),
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
    # Suppression.
    "suppression": Said("Suppression", "Gönderilmeyecekler"),
    "hard_bounces": Said("As many hard bounces as usual", "Kalıcı geri dönmeler olağan"),
    "suppressed": Said("addresses that must not be mailed", "ileti gönderilmemesi gereken adresler"),
    "suppressed_hard": Said("of these, hard bounces", "bunlardan kalıcı geri dönen"),
    "suppressed_soft": Said("of these, soft bounces over days", "bunlardan günlerce geçici geri dönen"),
    "suppressed_complaint": Said("of these, complaints", "bunlardan şikâyet eden"),
    "suppressed_unsubscribed": Said("of these, unsubscribed", "bunlardan abonelikten çıkan"),
    "suppressed_manual": Said("of these, added by hand", "bunlardan elle eklenen"),
    "new": Said("new on this day", "bu gün eklenen"),
    "roles": Said("role addresses", "görev adresleri"),
    "watched": Said("watched, not on the list", "izlenen, listede olmayan"),
    # Posture and block lists.
    "posture": Said("Posture", "DNS ve sunucu duruşu"),
    "sound": Said("Nothing harms delivery", "Teslime zarar veren bir şey yok"),
    "demands": Said("Demands of large receivers met", "Büyük alıcıların istekleri karşılanıyor"),
    "asked": Said("Everything could be asked", "Her şey sorulabildi"),
    "unchanged": Said("As on the day before", "Bir gün önceki gibi"),
    "blocklists": Said("Block lists", "Kara listeler"),
    "not_listed": Said("Not listed", "Listede değil"),
    "listed": Said("listed", "listede olan"),
    "not_asked": Said("could not be asked", "sorulamayan"),
    # DMARC, TLS and complaint reports.
    "dmarc": Said("DMARC and TLS reports", "DMARC ve TLS raporları"),
    "reports_arrive": Said("Reports still arrive", "Raporlar gelmeye devam ediyor"),
    "no_new_sources": Said("No new source passes", "Geçen yeni kaynak yok"),
    "pass_rate": Said("As many mails pass as before", "Geçen iletiler önceki kadar"),
    "reports_are_whole": Said("Every report could be read", "Her rapor okunabildi"),
    "reports": Said("aggregate reports", "toplu raporlar"),
    "reports_repeated": Said("that came before", "daha önce gelmiş olan"),
    "reports_broken": Said("that could not be read", "okunamayan"),
    "reporters": Said("reporters", "rapor gönderenler"),
    "messages": Said("mails in reports", "raporlardaki iletiler"),
    "messages_passed": Said("of these, passed DMARC", "bunlardan DMARC’tan geçen"),
    "sources": Said("sources", "kaynaklar"),
    "sources_new": Said("new sources", "yeni kaynaklar"),
    "sources_new_that_pass": Said("new sources that pass", "geçen yeni kaynaklar"),
    "failure_reports": Said("failure reports", "başarısızlık raporları"),
    "tls_reports": Said("TLS reports", "TLS raporları"),
    "tls_sessions": Said("sessions in TLS reports", "TLS raporlarındaki oturumlar"),
    "tls_sessions_failed": Said("of these, failed", "bunlardan başarısız"),
    "complaints": Said("Complaints", "Şikâyetler"),
    "spam_rate": Said("Few mails to Gmail are called spam", "Gmail’de az ileti istenmeyen sayılıyor"),
    "outlook_filter": Said("Outlook.com filters no address", "Outlook.com hiçbir adresi süzmüyor"),
    "answered": Said("Services answered", "Hizmetler yanıt verdi"),
    "complaints_taken_back": Said("taken back", "geri alınan"),
    "complaints_repeated": Said("that came before", "daha önce gelmiş olan"),
    "outlook_addresses": Said("addresses that Outlook.com tells of", "Outlook.com’un bildirdiği adresler"),
    "outlook_addresses_filtered": Said("of these, filtered", "bunlardan süzülen"),
    "outlook_trap_hits": Said("mails to spam traps", "tuzak adreslere giden iletiler"),
}


def say(name: str, language: Language) -> str:
    """Return the words for a name; a day that another version stored may have names without."""
    return WORDINGS[name][language] if name in WORDINGS else name.replace("_", " ")
