"""Phrases that say that an address does not exist, or no longer."""

from __future__ import annotations

from typing import Final

from mailevents_dagster.failures.classes import BounceClass, Rule, phrases

_HARD: Final = BounceClass.HARD

_WHO_AND_WHAT: Final = (
    (
        "benutzer | empfänger | adresse | postfach | teilnehmer",
        "unbekannt | unbekannter | unbekannte | nicht bekannt | nicht vorhanden | ungültig | ungültige",
    ),
    ("utilisateur | destinataire | adresse | email | boîte aux lettres | compte", "inconnu | inconnue | invalide"),
    ("usuario | destinatario | dirección | buzón | cuenta", "desconocido | desconocida | inválido | inválida"),
    ("usuário | destinatário | endereço | conta", "desconhecido | desconhecida | inválido | inválida"),
    ("utente | destinatario | indirizzo | casella", "sconosciuto | sconosciuta | non valido"),
    ("gebruiker | ontvanger | adres", "onbekend | onbekende"),
    ("użytkownik | adresat | adres", "nieznany"),
    ("uživatel | příjemce | adresa", "neznámý | neznámá"),
    ("användare | mottagare | bruger | modtager | bruker | mottaker", "okänd | ukendt | ukjent"),
    ("címzett | felhasználó", "ismeretlen"),
    ("utilizator | destinatar", "necunoscut"),
    (
        "kullanıcı | alıcı | adres | adresi | hesap | hesabı | posta kutusu | alan adı",
        "bilinmeyen | geçersiz | bulunamadı | yok",
    ),
    ("пользователь | получатель | адресат | адрес", "неизвестен | неизвестный | не найден"),
)
"""For each language who is unknown, and what is said of him."""


def _in_both_orders(who: str, what: str) -> tuple[str, ...]:
    pairs = [(noun, word) for noun in phrases(who) for word in phrases(what)]
    return tuple(f"{first} {second}" for pair in pairs for first, second in (pair, pair[::-1]))


UNKNOWN_RECIPIENTS: Final[tuple[Rule, ...]] = (
    # Host names are not found for a moment, too; Postfix and Exim then say so.
    Rule(
        "host-lookup",
        BounceClass.SOFT,
        texts=phrases(
            "host not found, try again | dns query failed | dns error, try",
        ),
    ),
    Rule(
        "disabled",
        _HARD,
        texts=phrases(
            "account is disabled | account disabled | account has been disabled",
            "account that you tried to reach is | mailbox disabled | mailbox is disabled",
            "mailbox @ is disabled | user disabled | user is disabled | account is inactive",
            "account inactive | mailbox is inactive | inactive mailbox | inactive user | inactive mbox",
            "inactive account | inactive email address | user is inactive | mailbox inactive",
            "account suspended | account has been suspended | user suspended | suspended user",
            "mailbox suspended | account closed | account has been closed | account is closed",
            "account expired | deactivated | discontinued | mailbox is frozen | user is locked",
            "not active | not an active",
            "no longer available | no longer valid | no longer exist | no longer active | no longer in use",
            "mailbox has been disabled | user has been disabled | address has moved | inactive for",
            "no longer accepts mail | user has moved | mailbox has moved | address has changed | has left the company",
            "no longer on server | has been deleted | hesap kapatılmış | hesap pasif | hesap devre dışı",
            "hesap askıya | kullanıcı pasif | 휴면 계정 | 휴면계정 | 탈퇴한 | 탈퇴된 | 사용 중지",
            "휴면 상태 | hesabı kapatıl | kutusu kapatıl | deaktiviert | désactivé | desactivad | desativad",
            "disattivat | casilla ha expirado | cuenta ha expirado | por falta de uso | inactif",
            "está inactiv | dezaktywowan",
            "사용이 정지 | 정지된 | ящик заблокирован | заблокирован пользователь",
        ),
    ),
    Rule(
        "unknown-domain",
        _HARD,
        texts=phrases(
            "host not found | domain not found | host unknown | unknown host | unknown domain",
            "does not appear to be registered | no such host | enotfound",
            "unrouteable mail domain | unroutable mail domain",
            "no such domain | domain name not found | couldn't find any host | no mx record",
            "name or service not known | nodename nor servname | no address associated with",
            "no mx found | no mx for | domain couldn't be found | no mail hosts for domain",
            "point to non-existent hosts | domain is not reachable | invalid domain | bad destination system",
        ),
    ),
    Rule(
        "unknown-recipient",
        _HARD,
        texts=tuple(phrase for pair in _WHO_AND_WHAT for phrase in _in_both_orders(*pair))
        + phrases(
            "user unknown | unknown user | user @ unknown | user is unknown | user not found",
            "user @ not found | recipient unknown | addressee unknown | unknown recipient | recipient not found",
            "recipient @ not found | mailbox unknown | unknown mailbox | mailbox not found",
            "mailbox @ not found | unknown local | address unknown | unknown address | address not found",
            "account not found | unknown account | no such user | no such recipient | no such mailbox",
            "no such account | no such address | no such person | no such local | no such name | no such id",
            "unknown or illegal alias | unrouteable address | unroutable address | undeliverable address",
            "bad destination mailbox | does not exist | doesn't exist | do not exist | not exist",
            "user doesn't have a | nonexistent | non-existent user | not a valid mailbox | not a valid user",
            "not a valid recipient | not a valid address | invalid mailbox | invalid recipient",
            "invalid user | invalid address | invalid rcpt | invalid final delivery userid | invalid account",
            "no valid recipients | no valid mailbox | mailbox unavailable | mailbox is unavailable",
            "mailbox not available | unknown to  | no mailbox | not a known user | not known here",
            "not our customer | not a customer | no account | no recipient | recipnotfound",
            "recipientnotfound | not found by smtp address lookup | recipient not in | user not listed in",
            "non-local recipient | isn't in my | not on this server | rusr | does not have an account",
            "not a local mailbox | no user",
            "alıcı adresi geçersiz",
            "mevcut değil | böyle bir hesap yok | 존재하지 않",
            "없는 사용자 | 사용자가 없 | 알 수 없는 사용자 | 찾을 수 없 | 없는 계정 | 등록되지 않은",
            "нет такого пользователя | не существует | ящик не найден",
            "存在しません | 宛先不明 | 宛先が不明 | 見つかりません | 用户不存在 | 不存在 | existiert nicht",
            "n'existe pas",
            "no existe | não existe",
            "inesistente | nie istnieje | bestaat niet | neexistuje | finns inte | findes ikke | finnes ikke",
            "ei ole olemassa",
            "无此用户 | 查无此人 | 使用者不存在",
            "無此使用者 | 找不到收件人 | 該当するユーザ | 해당 사용자가 | 수신자가 없",
            "kein solcher benutzer | nie ma takiego | nem létezik | unable to find user | address was not found",
            "couldn't be found | address could not be found | address wasn't found",
            "name is not recognized | unrecognized recipient | not listed in domino | not listed in public",
            "bad recipient | invalid email address | not registered | recipient address rejected: user",
            "not in my validrcptto | address invalid | user is gone | no one at this | user unbekannt | nicht vergeben",
            "konumunda bulunamadı",
            "wasn't found at | geçersiz e-posta | inexistant | inexistent | introuvable",
            "no encontrad | não encontrad | non trovat | nicht gefunden | niet gevonden | nie znaleziono | nenalezen",
            "unknown email address | unknown or invalid | no longer works",
        ),
    ),
)
