"""The `samvad` command line: one file per command, each a composition root."""
