"""Real sign-in: accounts, sessions, tokens, tickets, API keys, identity providers, and signing out."""
