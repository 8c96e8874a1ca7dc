"""A made-up fixed scanner at a dock."""
