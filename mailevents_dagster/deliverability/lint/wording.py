"""What the report says of the rules on messages, always in both English and Turkish."""

from __future__ import annotations

from typing import Final

from mailevents_dagster.summaries.wording import Said

WORDINGS: Final = {
    "lint": Said("Messages, a sample", "İletiler, örneklem"),
    "mails_judged": Said("mails judged", "incelenen iletiler"),
    "mails_unreadable": Said("mails that cannot be read", "okunamayan iletiler"),
    "error_rules_failed": Said("rules that some mail fails", "bir iletinin uymadığı kurallar"),
    "dkim_missing": Said("Signed", "İmzalı"),
    "dkim_invalid": Said("Signatures valid", "İmzalar geçerli"),
    "from_unaligned": Said("Signed for the domain in From", "From alan adı için imzalı"),
    "false_reply": Said("No false RE: or FWD:", "Sahte RE: veya FWD: yok"),
    "one_click_missing": Said("Unsubscribing by one click", "Tek tıkla ayrılma"),
    "one_click_unsigned": Said("One click is signed", "Tek tıkla ayrılma imzalı"),
    "header_missing": Said("From, Date and Message-ID are there", "From, Date ve Message-ID var"),
    "header_twice": Said("No header twice", "Hiçbir başlık iki kez yok"),
    "from_address": Said("One address in From", "From içinde tek adres"),
    "date_form": Said("Dates can be read", "Tarihler okunabiliyor"),
    "date_future": Said("No dates in the future", "Gelecekte tarih yok"),
    "header_8bit": Said("Headers in ASCII", "Başlıklar ASCII"),
    "line_length": Said("No line too long", "Çok uzun satır yok"),
    "line_ends": Said("Lines end with CR LF", "Satırlar CR LF ile bitiyor"),
    "mail_size": Said("No mail too large", "Çok büyük ileti yok"),
    "charset": Said("Charsets as declared", "Karakter kümeleri bildirildiği gibi"),
    "attachment_dangerous": Said("No attachments that run", "Çalıştırılabilir ek yok"),
    "text_missing": Said("Text beside HTML", "HTML yanında düz metin"),
    "empty": Said("No empty mails", "Boş ileti yok"),
    "image_only": Said("Not of pictures alone", "Yalnız resimden ibaret değil"),
    "image_lost": Said("Pictures are found", "Resimler bulunuyor"),
    "html_active": Said("No scripts or forms", "Betik veya form yok"),
    "html_deep": Said("HTML not too deep", "HTML çok derin değil"),
    "link_broken": Said("Links lead somewhere", "Bağlantılar bir yere götürüyor"),
    "link_script": Said("No scripts in links", "Bağlantılarda betik yok"),
    "link_elsewhere": Said("Links lead where they show", "Bağlantılar gösterdikleri yere götürüyor"),
    "link_short": Said("No short links", "Kısaltılmış bağlantı yok"),
    "link_number": Said("No IP addresses in links", "Bağlantılarda IP adresi yok"),
}
