"""Carriers behind the Carrier port."""
