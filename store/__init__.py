"""History, turns and claims: what is kept, and the SQLite (embedded) implementation of keeping it."""
