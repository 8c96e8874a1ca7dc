"""Devices that speak the contract in firmware-interfaces/ to a broker near the shelves."""
