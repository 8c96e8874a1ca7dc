"""Order intake, one module a format."""
