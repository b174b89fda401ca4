"""`samvad dead-letters`: what nobody could read, shown to a person, who has it tried again or drops it."""
