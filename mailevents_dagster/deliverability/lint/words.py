"""Names and words that rules know, as data."""

from __future__ import annotations

from typing import Final


def _each(words: str) -> frozenset[str]:
    return frozenset(words.split())


SHORT_LINK_HOSTS: Final = _each(
    """
    1url.com 2.gp adf.ly adfoc.us b.link bc.vc bit.do bit.ly bitly.com bitly.ws bl.ink buff.ly clck.ru cli.re
    cutt.ly cutt.us db.tt dlvr.it dub.sh fb.me flip.it geni.us git.io goo.gl goo.su hubs.ly hyperurl.co ift.tt is.gd
    j.mp kutt.it lnk.bio lnk.to lnkd.in mcaf.ee n9.cl ow.ly po.st prf.hn qr.ae qr.net rb.gy rebrand.ly relink.asia
    s.id short.cm short.gy short.io shorte.st shorturl.at shorturl.gg shrtco.de smarturl.it snip.ly soo.gd su.pr
    surl.li t.co t.ly t2m.io tinu.be tiny.cc tiny.one tiny.pl tinyurl.com tr.ee tr.im u.to urlz.fr v.gd vk.cc
    vurl.com wp.me x.co x.gd xurl.es yourls.org zpr.io zws.im
    """
)
"""Services that let anybody hide where a link leads to. A short name of one company's own pages is not one of them."""

DANGEROUS_ENDINGS: Final = _each(
    """
    ade adp apk appx appxbundle bat cab chm cmd com cpl diagcab diagcfg diagpkg dll dmg ex ex_ exe hta img ins iso
    isp jar jnlp js jse lib lnk mde mjs msc msi msix msixbundle msp mst nsh pif ps1 psc1 reg scr sct shb sys url vb
    vbe vbs vhd vhdx vxd wsc wsf wsh xll
    """
)
"""Endings of files that run: Gmail, Outlook and others refuse or remove them."""

MACRO_ENDINGS: Final = _each("docm dotm one potm ppam ppsm pptm xlam xlsb xlsm xltm")
"""Endings of documents that can hold programs."""

NO_REPLY_NAMES: Final = _each(
    """
    autoreply bittenichtantworten cevaplama cevaplamayin cevaplamayiniz donotreply dontreply dontrespond eisvar
    geenantwoord ikkesvar keineantwort naoresponda naoresponder neodpovidat nepasrepondre nepasrepondres neverreply
    nichtantworten nieodpowiadaj nietbeantwoorden noanswer nonrispondere noreplay noreplies noreply noreplyto
    noresponder noresponse norespuesta pasdereponse pleasedonotreply svaraej svarainte yanitlamayin yanitlamayiniz
    """
)
"""Names before the @ that nobody reads, in small letters without anything between."""

REPLY_PREFIXES: Final = _each("antw aw cevap odp re res sv vs ynt 回复 回覆 答复")
FORWARD_PREFIXES: Final = _each("doorst enc fw fwd i̇lt ilt pd rv vb vl wg 转发 轉寄")
"""What mail programs of several languages put before the subject of what is answered or sent on.

`Ref:` and `Rif:` are not among them: people write them before numbers of files.
"""

UNSUBSCRIBE_WORDS: Final = (
    "unsubscribe",
    "opt-out",
    "opt out",
    "optout",
    "abmelden",
    "abbestellen",
    "désabonner",
    "désinscrire",
    "darse de baja",
    "cancelar suscripción",
    "disiscriviti",
    "cancellati",
    "cancelar inscrição",
    "afmelden",
    "uitschrijven",
    "avregistrera",
    "abonelikten",
    "abonelikten çık",
    "listeden çık",
    "wypisz",
    "odhlásit",
    "отписаться",
    "配信停止",
    "退订",
    "수신거부",
)
"""What links say by which people leave a list."""
