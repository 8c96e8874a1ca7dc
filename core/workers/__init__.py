"""Timers, effects and dispatch as sync steps that a thread or a twin process drives."""
