"""How a running system is seen: logs, traces, and the words that both use."""
