"""Phrases that say that a mailbox is full."""

from __future__ import annotations

from typing import Final

from mailevents_dagster.failures.classes import BounceClass, Rule, phrases

FULL_MAILBOX: Final = Rule(
    "mailbox-full",
    BounceClass.SOFT,
    texts=phrases(
        "mailbox full | mailbox is full | mailbox @ is full | mailbox is over | mailbox over quota",
        "mailbox quota | mailbox size limit | mailbox has exceeded | mailfolder is full",
        "mailfile is over | inbox is full | inbox full | out of storage | account is full | user is full",
        "over quota | overquota | over-quota | out of quota | over the maximum allowed quota",
        "quota exceeded | quotaexceeded | exceeded quota | exceeds quota | exceeded the quota",
        "exceeded his quota | exceeded their quota | quota full | quota violation | user quota",
        "disk quota | storage quota | storage limit | exceeded storage allocation | exceeded its storage",
        "insufficient quota | would exceed mailbox | would exceed quota | not enough storage space",
        "kota aşıldı | kotası doldu | kotası dolu | kota dolu | kotasını aşmış | posta kutusu dolu",
        "메일함이 가득 | 편지함이 가득 | 메일함 용량 | 편지함 용량 | 용량이 초과 | 용량 초과",
        "용량을 초과 | 용량이 부족 | ящик переполнен | квота превышена | превышена квота | 容量超過",
        "容量を超 | メールボックスがいっぱい | 邮箱已满 | 信箱已满 | 邮箱空间不足 | postfach ist voll",
        "postfach voll | boîte pleine | boîte aux lettres est pleine | quota dépassé | buzón lleno",
        "exceeded the local limit | mailbox exceeds | mailbox exceeded | exceeds allowed size | full mailbox",
        "mailbox vol | postvak vol | schránka je plná | brevlådan är full | ящик заполнен | 邮箱容量 | 信箱容量",
        "caixa postal cheia | casella piena | skrzynka przepełniona",
        "mailbox limit | zu viele mails | zuviele mails",
        "ist überfüllt | postfach überfüllt | ist voll | est pleine | está lleno | está llena | está cheia",
        "posta è piena | casella è piena | tario è piena | jest pełna",
        "kotası aşıl | kutusu dolmuş | 가득 찼 | 가득 찬 | いっぱいです",
    ),
)
