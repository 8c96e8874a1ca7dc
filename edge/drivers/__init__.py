"""One folder a device family."""
