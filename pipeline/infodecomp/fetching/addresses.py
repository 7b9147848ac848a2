"""Addresses of this machine and of private networks, by their spelling."""

from __future__ import annotations

import ipaddress

_NAMES_OF_THIS_MACHINE = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")
# Reserved for tests of networks; proxies that answer for every name of the internet answer with these.
_ANSWERS_OF_PROXIES = ipaddress.ip_network("198.18.0.0/15")
# IPv4 addresses as IPv6-only networks see them (RFC 6052).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_private(host: str) -> bool:
    """Whether a name or number is of this machine or of a private network; a name is only compared, not looked up.

    >>> is_private("localhost"), is_private("192.168.1.1"), is_private("::ffff:127.0.0.1"), is_private("example.org")
    (True, True, True, False)
    """
    name = host.rstrip(".").lower()
    if name in _NAMES_OF_THIS_MACHINE or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_private(str(inner))
    if address in _ANSWERS_OF_PROXIES:
        return False
    return not address.is_global or address.is_multicast
