"""Names, subjects and status texts that generated mail is made of. Addresses are reserved ones alone."""

from __future__ import annotations

from typing import Final

PEOPLE: Final = (
    ("Ayşe Yılmaz", "ayse.yilmaz"),
    ("İbrahim Çelik", "ibrahim.celik"),
    ("Gülşah Öztürk", "gulsah.ozturk"),
    ("Mehmet Işık", "mehmet.isik"),
    ("Özgür Şahin", "ozgur.sahin"),
    ("Çağla Aydın", "cagla.aydin"),
    ("Umut Güneş", "umut.gunes"),
    ("Iraz Doğan", "iraz.dogan"),
    ("Muhasebe", "muhasebe"),
    ("Satış", "satis"),
    ("Destek", "destek"),
    ("İnsan Kaynakları", "ik"),
)
ELSEWHERE: Final = (
    "example.net",
    "example.org",
    "posta.example",
    "tedarik.example",
    "kargo.example",
    "banka.example",
    "bulten.example",
    "kampanya.invalid",
)
SUBJECTS: Final = (
    "Fatura {n}: ödeme hatırlatması",
    "Ynt: Sipariş {n} hakkında",
    "İlt: Toplantı notları ({n})",
    "Kargonuz yola çıktı, takip no {n}",
    "Işıklandırma projesi için teklif {n}",
    "ACİL: Şifreniz {n} dakika içinde sona erecek",
    "Haftalık bülten, sayı {n}",
    "Çalışma izni başvurunuz {n}",
    "Ürün görselleri ve ölçüler, dosya {n}",
    "Re: Contract no. {n}",
    "İzin talebi {n} onaylandı",
    "Doğum günün kutlu olsun! 🎂 {n}",
    "",
)
OUTCOMES: Final = (
    ("delivered", "2.0.0", "250 2.0.0 Ok: queued", "deliver"),
    ("deferred", "4.2.2", "452 4.2.2 The recipient's mailbox is over quota", "retry"),
    ("deferred", "4.7.1", "451 4.7.1 Greylisted, please try again later", "retry"),
    ("bounced", "5.1.1", "550 5.1.1 The e-mail account does not exist", "bounce"),
    ("bounced", "5.2.2", "552 5.2.2 Mailbox full", "bounce"),
    ("rejected", "5.7.1", "554 5.7.1 Message rejected due to content restrictions", "reject"),
    ("quarantined", "2.6.0", "250 2.6.0 Message quarantined", "quarantine"),
    ("discarded", "2.7.0", "250 2.7.0 Message discarded by rule", "discard"),
)
OUTCOME_WEIGHTS: Final = (82, 4, 3, 3, 1, 3, 3, 1)
REJECTED: Final = OUTCOMES[5]
PLACES: Final = ("TR", "TR", "TR", "TR", "DE", "NL", "US", "GB", "BG", None)
TAGS: Final = ("", "", "", "newsletter", "invoice", "internal")
REASONS: Final = (
    "spam",
    "phishing",
    "virus: Eicar-Test-Signature",
    "yasaklı ek: .exe",
    "SPF kontrolü başarısız",
    "kara liste",
)
HOLDS: Final = ("Şifreli ek", "Büyük ek: onay bekliyor", "İçerik kuralı: kimlik numarası", "outbound rate")
SERVICES: Final = ("imap", "imap", "imap", "smtp", "smtp", "pop3", "webmail", "activesync")
