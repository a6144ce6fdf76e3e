"""What happens over time: transitions, histories of sockets, recordings, ladders."""
