"""Tests on real sockets: the package against the kernel, netstat and ss."""
