"""What authors of tests use: waits, free ports, leak checks and the plugin, on real servers."""
