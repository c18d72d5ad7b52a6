"""TLS for all doors: one function makes every context, and one says in words why a handshake failed.

What Python's own defaults change from version to version is set here, so that a certificate that is good on one is good on
all (docs/decisions/0506-one-maker-of-tls-contexts.md).
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vms_bridge.doors import TlsOptions

_UNTRUSTED = frozenset({18, 19, 20, 21, 2})
"""OpenSSL's X509_V_ERR codes for a chain that leads to nobody who is trusted."""
_OUT_OF_TIME = {9: "is not valid yet", 10: "has expired"}
_OTHER_NAME = frozenset({62, 64})
_USUAL = {"mqtt": 8883}
_PEM = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_LEAST_VERSION = ssl.TLSVersion.TLSv1_2


class UnusableFile(OSError):
    """A file that the configuration names for TLS can't be used; `hint` says what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class PinMismatch(ssl.SSLCertVerificationError):
    """The server shows another certificate than the pinned one; `shown` is its SHA-256."""

    def __init__(self, shown: str) -> None:
        super().__init__(1, f"the certificate's SHA-256 is {shown}")
        self.shown = shown
        self.verify_code, self.verify_message = 0, "another certificate than the pinned one"


def client_context(trust: TlsOptions) -> ssl.SSLContext:
    """Return how to speak TLS with the server of this configuration; reads files. Raises UnusableFile."""
    if trust.fingerprint is not None:
        context: ssl.SSLContext = _Pinned.make(trust.fingerprint)
    elif trust.verify_tls:
        context = _verifying(trust.ca_file)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = _LEAST_VERSION
    if trust.client_certificate is not None and trust.client_key is not None:
        _load_own(context, trust.client_certificate, trust.client_key)
    return context


def _verifying(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that believes a certificate for its signature, name and dates, whatever Python's defaults add.

    VERIFY_X509_STRICT, on from Python 3.13, refuses authorities as `openssl req -x509` makes them; partial chains, on from
    3.13 too, let somebody trust an intermediate authority or the server's own certificate.
    """
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError) as error:
        if ca_file is None:
            raise
        raise _unusable("ca_file", ca_file, error) from error
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return how a server speaks TLS that shows this certificate; reads files. Raises UnusableFile."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _LEAST_VERSION
    context.options |= ssl.OP_NO_RENEGOTIATION
    _load_own(context, certificate, key, ("tls.certificate", "tls.key"))
    return context


def fingerprint_of(certificate: Path) -> str:
    """Return the SHA-256 of the first certificate in a PEM file. Raises UnusableFile."""
    try:
        found = _PEM.search(certificate.read_text(encoding="ascii", errors="replace"))
        shown = ssl.PEM_cert_to_DER_cert(found[0]) if found else None
    except (OSError, ValueError):
        shown = None
    if shown is None:
        raise UnusableFile(
            f"tls.certificate: {certificate} can't be used: there is no certificate in it", "it must be a PEM file"
        )
    return hashlib.sha256(shown).hexdigest()


def _load_own(
    context: ssl.SSLContext, certificate: Path, key: Path, options: tuple[str, str] = ("client_certificate", "client_key")
) -> None:
    """Have the context show this certificate; `options` are those that name it and its key. Raises UnusableFile."""

    def refuse() -> NoReturn:  # OpenSSL would ask for the passphrase on the terminal
        raise UnusableFile(
            f"{options[1]}: {key} is encrypted", f"store it without a passphrase: openssl pkey -in {key.name} -out plain.key"
        )

    for option, file in zip(options, (certificate, key), strict=True):
        try:
            with file.open("rb"):
                pass  # ssl does not say which file it can't read
        except OSError as error:
            raise _unusable(option, file, error) from error
    try:
        context.load_cert_chain(str(certificate), str(key), password=refuse)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            hint = "name the key that the certificate was made with"
            raise UnusableFile(f"{options[1]}: {key} is not the key of {certificate} (key values mismatch)", hint) from error
        message = f"{options[0]}: {certificate} or {options[1]}: {key} can't be used: {_plain(error)}"
        raise UnusableFile(message, "both must be PEM files") from error


def _unusable(option: str, file: Path, error: OSError) -> UnusableFile:
    if isinstance(error, ssl.SSLError):
        hint = (
            f"{option}: must name a PEM file, with BEGIN CERTIFICATE in it; to make one: openssl x509 -inform der -in {file.name}"
        )
        return UnusableFile(f"{option}: {file} can't be used: {_plain(error)}", hint)
    hint = f"{option}: must name a PEM file that the bridge's user can read"
    return UnusableFile(f"{option}: {file} can't be read: {error.strerror}", hint)


class _PinnedObject(ssl.SSLObject):
    def do_handshake(self) -> None:
        super().do_handshake()
        _check_pin(self.context, self.getpeercert(binary_form=True))


class _PinnedSocket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 (the standard library's)
        super().do_handshake(block)
        _check_pin(self.context, self.getpeercert(binary_form=True))


class _Pinned(ssl.SSLContext):
    """Accepts one certificate, whoever signed it and whatever name it bears; nothing is sent before it was compared."""

    sslobject_class = _PinnedObject
    sslsocket_class = _PinnedSocket
    pin: str

    @classmethod
    def make(cls, fingerprint: str) -> _Pinned:
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.pin = fingerprint
        return context


def _check_pin(context: ssl.SSLContext, certificate: bytes | None) -> None:
    shown = hashlib.sha256(certificate or b"").hexdigest()
    if isinstance(context, _Pinned) and shown != context.pin:
        raise PinMismatch(shown)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no TLS: what happened, and what to do about it."""

    what: str
    hint: str
    is_certificate: bool = False


def explain(error: BaseException, trust: TlsOptions, plain_scheme: str) -> Failure:
    """Say why a handshake failed; `plain_scheme` is how an address without TLS begins."""
    if isinstance(error, PinMismatch):
        hint = "if the certificate was renewed on purpose, set fingerprint: to this value"
        return Failure(
            f"it shows another certificate than the pinned one: its SHA-256 is {error.shown}", hint, is_certificate=True
        )
    if isinstance(error, ssl.SSLEOFError):
        hint = f"if this port does not speak TLS write {plain_scheme}:// in url:; else the server's own log says more"
        return Failure("the server ended the connection in the middle of the handshake", hint)
    if isinstance(error, ssl.SSLCertVerificationError):
        return Failure(
            f"its certificate can't be verified ({error.verify_message})", _trust_hint(error, trust), is_certificate=True
        )
    reason = _plain(error)
    for words, make_hint in _HANDSHAKES:
        if any(word in reason for word in words):
            what = "this port does not speak TLS" if "wrong version number" in words else reason
            return Failure(what, make_hint(trust, plain_scheme))
    return Failure(reason, "check ca_file:, client_certificate: and client_key:, and the server's own log")


def _trust_hint(error: ssl.SSLCertVerificationError, trust: TlsOptions) -> str:
    if error.verify_code in _OTHER_NAME:
        return "write in url: the name that is in its certificate, or have one made that names this host as a subjectAltName"
    if words := _OUT_OF_TIME.get(error.verify_code):
        return f"it {words}: renew it, or set the clock of this machine right"
    if error.verify_code in _UNTRUSTED and trust.ca_file is None:
        return "set ca_file: to the authority that signed it, or fingerprint: to the SHA-256 that `vms-bridge check` shows"
    if error.verify_code in _UNTRUSTED:
        return (
            "ca_file: names another authority than the one that signed it, or the server does not send the certificates in"
            " between: put them into ca_file: too, or pin the certificate by fingerprint: instead"
        )
    return "have the certificate made anew, or pin it by fingerprint:, as `vms-bridge check` shows it, in the place of ca_file:"


def _own_hint(trust: TlsOptions, _plain_scheme: str) -> str:
    if trust.client_certificate is None:
        return "the server may want a client certificate: set client_certificate: and client_key:"
    return "the server does not accept the certificate of client_certificate:: was it signed by the authority that it asks for?"


_HANDSHAKES: tuple[tuple[tuple[str, ...], Callable[[TlsOptions, str], str]], ...] = (
    (
        ("wrong version number", "record layer", "packet length too long", "http request"),
        lambda _, plain: f"write {plain}:// in url:, or the port that speaks TLS, often {_USUAL.get(plain, 443)}",
    ),
    (
        ("certificate required", "bad certificate", "unknown ca", "handshake failure", "certificate unknown", "access denied"),
        _own_hint,
    ),
    (
        ("protocol version", "unsupported protocol", "no protocols available"),
        lambda *_: "the server speaks TLS 1.1 or older only: turn on TLS 1.2 or 1.3 there",
    ),
    (
        ("too small", "too weak", "key too short"),
        lambda *_: "its key or signature is too weak to be safe: have a certificate made with RSA 2048 or better, and SHA-256",
    ),
    (
        ("unrecognized name",),
        lambda *_: "the server knows no host of this name: write in url: the one that it serves",
    ),
    (("alert",), _own_hint),
)


async def shown_certificate(host: str, port: int) -> str | None:
    """Return the SHA-256 of the certificate that a server shows, whoever signed it; None without TLS or answer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        _, writer = await asyncio.open_connection(host, port, ssl=context)
    except (OSError, ValueError):
        return None
    try:
        tls: Any = writer.get_extra_info("ssl_object")
        shown: bytes | None = tls.getpeercert(binary_form=True)
    finally:
        writer.close()
    return hashlib.sha256(shown).hexdigest() if shown else None


def _plain(error: BaseException) -> str:
    """Return OpenSSL's reason as words."""
    return str(getattr(error, "reason", None) or error).replace("_", " ").lower()
