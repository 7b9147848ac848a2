"""One request of the web with its redirects: each hop is checked, and each connection before a byte is sent.

A redirect never leaves the web, and leaves encryption only where a hash will tell what came. Addresses of this machine and
of private networks are asked only if the user's own table of sources names one; a server elsewhere cannot lead there.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from infodecomp.fetching.addresses import is_private

_SCHEMES = ("http", "https")


class AddressError(Exception):
    """An address does not give the file; the text says why."""


class WebSession(requests.Session):
    """A session for one request.

    own: the user's own table names the address. hash_known: what comes will be compared with a hash.
    """

    def __init__(self, *, own: bool, hash_known: bool) -> None:
        super().__init__()
        self._own, self._hash_known = own, hash_known
        self._hops: list[str] = []
        # What the user's table names may lead on inside its network.
        self._inside = False
        for scheme in _SCHEMES:
            self.mount(f"{scheme}://", _Adapter(self))

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """One hop. Raises AddressError if it may not be asked."""
        address = str(request.url)
        if self._hops:
            self._check_redirect(self._hops[-1], address)
        self._hops.append(address)
        host = urlsplit(address).hostname or ""
        if is_private(host):
            self.check_private(host)
        return super().send(request, **options)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """The address of a redirect; AddressError if it is none of the web."""
        target = super().get_redirect_target(resp)
        scheme = urlsplit(target or "").scheme
        if scheme and scheme not in _SCHEMES:
            raise AddressError(f"leads to {target}, which is no address of the web")
        return target

    def check_private(self, host: str) -> None:
        """Raise AddressError unless this hop may ask a host of this machine or of a private network."""
        first = len(self._hops) == 1
        self._inside |= first and self._own
        if not self._inside:
            raise AddressError(
                f"{'is' if first else 'leads to'} {host}, an address of this machine or of a private network, which only a "
                "table of your own (`fetch → sources`) may name"
            )

    def _check_redirect(self, origin: str, target: str) -> None:
        if urlsplit(origin).scheme == "https" and urlsplit(target).scheme != "https" and not self._hash_known:
            raise AddressError(
                f"leads to {target} without encryption, and no hash is known by which a changed file would be found"
            )


class _Adapter(HTTPAdapter):
    """Connects to no private address that the session forbids, whatever the name that stands for it.

    Behind a proxy only the address itself is checked: the proxy looks up names, and may be on a private network itself.
    """

    def __init__(self, session: WebSession) -> None:
        self._session = session
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """As the library's, with connections that look at whom they have reached."""
        super().init_poolmanager(*arguments, **options)
        pools = self.poolmanager.pool_classes_by_scheme
        self.poolmanager.pool_classes_by_scheme = {name: _looking(pools[name], self._session) for name in _SCHEMES}


def _looking(pool: Any, session: WebSession) -> Any:
    """A class of connection pools whose connections ask the session before they send anything."""

    class Connection(pool.ConnectionCls):
        def _new_conn(self) -> Any:
            reached = super()._new_conn()
            host = str(reached.getpeername()[0])
            if is_private(host):
                try:
                    session.check_private(host if host == self.host else f"{self.host} ({host})")
                except AddressError:
                    reached.close()
                    raise
            return reached

    return type(pool.__name__, (pool,), {"ConnectionCls": Connection})
