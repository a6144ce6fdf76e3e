"""What a state, a queue, a timer, a missing owner means: for a row, and as pages to read."""
