"""The command line: what is asked, what does not go together, and each thing that is done."""
