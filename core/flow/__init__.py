"""One module a subject, one function a command; no I/O, no clock, no chance."""
