"""The whole path with real processes: the embedded server, the practice provider, and clients over real sockets."""
