"""The one exception that means: the user can mend this."""


class UserError(Exception):
    """A mistake in what the user gave: a key, a file, a device.

    The message is one line that names what is wrong and what to do. Entry points print it and
    exit with status 2.
    """
