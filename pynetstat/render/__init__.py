"""How rows are shown; each format is one module."""
