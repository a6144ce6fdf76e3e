"""Watching sockets: what feeds the screen, and the model that the screen shows."""
