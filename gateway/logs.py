"""Log lines on standard error: for people on a terminal, as JSON elsewhere."""

import logging
import sys

import structlog


def to_stderr(level: str) -> None:
    """Write log lines of at least `level` from now on, those of libraries included."""
    least = getattr(logging, level.upper())
    shared = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    is_terminal = sys.stderr.isatty()
    last = [structlog.dev.ConsoleRenderer()] if is_terminal else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=last[-1], foreign_pre_chain=[*shared, *last[:-1]]))
    logging.basicConfig(level=max(least, logging.WARNING), handlers=[handler], force=True)
