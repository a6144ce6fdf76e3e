"""Sockets to look at."""
