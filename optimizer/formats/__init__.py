"""Instance files: one module a format, each reads a file into plain values and says what is wrong with it, and where."""
