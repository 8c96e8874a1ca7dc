"""What is wrong with an instance file."""


class FormatError(ValueError):
    """The file cannot be read as what it claims to be; the message says where."""
