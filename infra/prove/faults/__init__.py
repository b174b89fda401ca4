"""How each fault is put in, and taken out again: one file for each part that breaks."""
