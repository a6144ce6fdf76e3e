"""The watch screen (Textual)."""
