"""The embedded implementation of the store: one SQLite file, shared by the processes of one machine."""
