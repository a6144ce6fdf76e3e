"""What is fuzzed; each target is one module with a function ``check(data)``."""
