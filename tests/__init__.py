"""Tests of the package; those under live/ work on the sockets of this machine."""
