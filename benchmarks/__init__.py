"""Speed and memory against the peers: ``python -m benchmarks``."""
