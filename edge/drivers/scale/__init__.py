"""A made-up load cell under a shelf."""
