"""Words that made-up mails are of: people, subjects and files in the languages that real ones are in."""

from __future__ import annotations

from typing import Final

PEOPLE: Final = (
    ("Deniz Işık", "deniz.isik@portfoy.example"),
    ("김민수", "minsu.kim@fund.example"),
    ("Şule Çağlar", "sule.caglar@saklama.example"),
    ("박지영", "jiyoung.park@custody.example"),
    ("O'Brien, Mary", "mary.obrien@broker.example"),
    ("", "noreply@bank.example"),
    ("山田 太郎", "taro.yamada@shisan.example"),
    ("Ana Núñez", "ana.nunez@fondos.example"),
)
SUBJECTS: Final = (
    "NAV report",
    "기준가 확인 요청",
    "Fon fiyatı onayı",
    "Subscription order",
    "결제 내역 송부",
    "Günlük nakit akışı: şubat",
    "Re: reconciliation breaks",
    "取引報告書",
)
FILES: Final = (
    "report.pdf",
    "기준가 2026-11.xlsx",
    "İşlem dökümü (son).pdf",
    "positions.csv",
    "résumé of trades.docx",
)
SENTENCES: Final = (
    "Please find the figures of today attached.",
    "첨부 파일을 확인해 주시기 바랍니다.",
    "Ekteki dosyayı bugün onaylamanızı rica ederiz.",
    "The second leg settles tomorrow.",
    "From the desk: no breaks today.",
    "문의 사항이 있으시면 연락 주세요.",
)
