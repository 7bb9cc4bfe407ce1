"""What can go wrong between us and a Fluksometer, told apart by what the user can do about it."""


class FluksoError(Exception):
    """Base of all errors of this client. The message is a sentence for a log."""


class FluksoAddressError(FluksoError):
    """The address as typed is not a host with an optional port."""


class FluksoConnectionError(FluksoError):
    """No answer, or the connection broke off: check power, network and address."""


class FluksoTokenError(FluksoError):
    """The other side wants a token, or another one than it was given (401)."""


class FluksoRefusedError(FluksoError):
    """What was asked for is not done now (403, 409); the message is that of the Fluksometer and says what to do."""


class FluksoNotFoundError(FluksoError):
    """The other side answered 404: it has no such resource."""


class FluksoAmbiguousError(FluksoError):
    """The other side speaks for several Fluksometers, and it is not known which is meant."""


class FluksoPayloadError(FluksoError):
    """The other side answered something that is not the Fluksometer's format. Nothing of it is used."""


class FluksoVersionError(FluksoError):
    """The Fluksometer speaks a newer generation of its API than this client."""
