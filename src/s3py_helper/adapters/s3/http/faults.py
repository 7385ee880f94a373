"""What may go wrong between a request and the end of its response; errors of the system and of TLS pass unchanged.

The text of a fault, where it has one, says what exactly was wrong.
"""


class HttpFault(Exception):
    """An exchange failed."""


class NotConnected(HttpFault):
    """No connection could be made, so the request was certainly not sent; the cause says why."""


class HostNotFound(NotConnected):
    """The host's name cannot be resolved."""


class NoProxy(NotConnected):
    """The proxy cannot be reached."""


class ProxyRefuses(NotConnected):
    """The proxy refuses to connect to the host."""


class NoPlaceInTime(NotConnected):
    """All places stayed in use."""


class ClientClosed(NotConnected):
    """The client was closed before the request had a connection."""


class ForeignClient(NotConnected):
    """The client was made in another process, or in another event loop; the text says in which."""


class EarlySuccess(HttpFault):
    """The server reported success before it can have received the whole request."""


class NoResponseInTime(HttpFault):
    """The head of the response was not complete in time, or nothing more could be received or sent."""


class Disconnected(HttpFault):
    """The connection was closed before the first byte of the response."""


class BrokenOff(HttpFault):
    """The response ended before it was complete."""


class NotHttp(HttpFault):
    """What arrived is not an HTTP/1.1 response."""
