"""The address under which other devices in the room reach this machine. Sends nothing."""

from __future__ import annotations

import socket
from ipaddress import ip_address

OUTSIDE = ("192.0.2.1", 9)  # reserved for documentation (RFC 5737): no host answers there, and a datagram socket sends nothing to connect


def is_loopback(host: str) -> bool:
    """Whether a host name leads back to the machine it is used on."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def room_address() -> str | None:
    """The address of the interface that leads out of this machine; None where it is in no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(OUTSIDE)
        except OSError:
            return None
        host = probe.getsockname()[0]
    return None if is_loopback(host) or host == "0.0.0.0" else host
