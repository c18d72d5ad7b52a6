"""Why a broker can't be used, in words for the person who configured it."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

from vms_bridge.errors import BrokerError, BrokerRefused, BrokerUnreachable
from vms_bridge.tls import UnusableFile, explain

if TYPE_CHECKING:
    from vms_bridge.mqtt.config import MqttConfig

UNSUPPORTED_PROTOCOL = 0x84
NOT_AUTHORISED = 0x87
TAKEN_OVER = 0x8E
PACKET_TOO_LARGE = 0x95
UNSPECIFIED = 0x80
_ABOUT_SIZE = frozenset({0x83, PACKET_TOO_LARGE, 0x97})
"""Codes by which brokers refuse a message for its size: mosquitto 2.0 by 0x95, others by "implementation specific" or "quota"."""

_REFUSALS: dict[int, tuple[str, str]] = {
    UNSUPPORTED_PROTOCOL: ("it speaks neither MQTT 5 nor 3.1.1", "Use another broker, mosquitto 2 for one."),
    0x85: ("it does not accept the client id", "Set `mqtt.client_id` to one that the broker allows."),
    0x86: ("user name or password is wrong", "Check the user in `mqtt.url` and `mqtt.password`."),
    NOT_AUTHORISED: (
        "not authorised",
        "Check user and password; the user may need rights for `vms_bridge/#` and the discovery prefix.",
    ),
    0x88: ("it is not available now", "Nothing to do here; the bridge keeps trying."),
    0x89: ("it is busy", "Nothing to do here; the bridge keeps trying."),
    0x8A: ("this client is banned", "Look into the broker's list of bans."),
    0x8C: ("it wants another way to log in", "The bridge logs in by user and password or by client certificate."),
    TAKEN_OVER: ("another client took over the client id", "Give each bridge its own `instance`, or its own `mqtt.client_id`."),
    0x90: ("it does not allow the topic of the last will", "Allow the user to write to `vms_bridge/#`."),
    0x97: ("a quota is used up", "Raise the broker's limit for this client."),
    0x9A: ("it does not keep retained messages", "Allow retained messages in the broker; the bridge can't do without."),
    0x9B: ("it does not offer QoS 1", "Allow QoS 1 in the broker; the bridge can't do without."),
    0x9F: ("too many connections in a short time", "Nothing to do here; the bridge keeps trying."),
    0xA2: ("it does not allow subscriptions with wildcards", "Allow them in the broker; the bridge can't do without."),
}


def refusal(where: str, code: int, name: str, text: str = "") -> BrokerRefused:
    """Explain a reason code (MQTT 5.0 §2.4) by which the broker said no; `text` is its own reason string."""
    reason, hint = _REFUSALS.get(code, (name[:1].lower() + name[1:], "The broker's log says more."))
    return BrokerRefused(f"the MQTT broker at {where} refused: {reason}{_quoted(text)}", hint=hint)


def disconnection(where: str, code: int, name: str, text: str = "") -> BrokerError:
    """Explain why the broker ended a connection that had been accepted."""
    reason, hint = _REFUSALS.get(code, (name[:1].lower() + name[1:], "The broker's log says more."))
    return BrokerUnreachable(f"the MQTT broker at {where} ended the connection: {reason}{_quoted(text)}", hint=hint)


def forgotten(where: str) -> BrokerUnreachable:
    """Explain a connection that was given up because the broker did not answer what it had taken."""
    return BrokerUnreachable(
        f"the connection to the MQTT broker at {where} is given up: it has taken messages without acknowledging them",
        hint="They are sent again. A broker drops what it has to say to a client while that client's queue is full: is somebody"
        " sending the bridge a flood of commands? In mosquitto.conf `max_queued_messages` says how long a queue may be.",
    )


def refused_message(topic: str, size: int, code: int, *, what: str = "a message") -> str:
    """Explain why a message did not get through."""
    if code in _ABOUT_SIZE:
        remedy = "raise its limit for messages or packets (mosquitto: `message_size_limit`, `max_packet_size`)"
    elif code == NOT_AUTHORISED:
        remedy = "allow the bridge's user to write there in the broker's access list"
    else:
        remedy = "the broker's log says more"
    return f"the broker refused {what} of {size} bytes, as on {topic} (0x{code:02x}): {remedy}"


def no_answer(where: str, config: MqttConfig) -> BrokerUnreachable:
    """Explain a connection that was closed before the broker had said anything in MQTT."""
    other = "One that wants a client certificate, or one without TLS?" if config.tls else "One that wants TLS (mqtts://)?"
    return BrokerUnreachable(
        f"{where} closed the connection without an answer in MQTT", hint=f"Is this the broker's port? {other} Or not MQTT at all?"
    )


def connect_failure(where: str, config: MqttConfig, error: Exception) -> BrokerError:
    """Explain what went wrong before any MQTT was spoken."""
    if isinstance(error, UnusableFile):
        return BrokerRefused(f"no TLS with the MQTT broker at {where}: {error}", hint=_sentence(error.hint))
    if isinstance(error, ssl.SSLError):
        failure = explain(error, config, "ws" if config.websockets else "mqtt")
        return BrokerRefused(f"no TLS with the MQTT broker at {where}: {failure.what}", hint=_sentence(failure.hint))
    what, hint = str(error), "Check `mqtt.url`."
    if isinstance(error, socket.gaierror):
        what, hint = f"there is no host {config.host!r}", "Check the host in `mqtt.url`."
    elif isinstance(error, ConnectionRefusedError):
        what, hint = "connection refused", "Is the broker running, and is this its port?"
    elif isinstance(error, TimeoutError):
        what, hint = "no answer in time", "Is the host up, does a firewall let the port through, and is it an MQTT port?"
    elif config.websockets:
        hint = (
            "Check that this is the broker's WebSocket port, the path in `mqtt.url` and, where a proxy before the broker wants a"
            " login, http_username: and http_password:."
        )
    return BrokerUnreachable(f"no connection to the MQTT broker at {where}: {what}", hint=hint)


def _sentence(hint: str) -> str:
    """Return a remedy as a sentence; an option that begins it stays as it is written in the file."""
    first = hint if hint.partition(" ")[0].endswith(":") else hint[:1].upper() + hint[1:]
    return f"{first}."


def _quoted(text: str) -> str:
    """Return a broker's own words fit for a log: one line, not too long."""
    words = "".join(char for char in text if char.isprintable())[:200]
    return f" ({words})" if words else ""
