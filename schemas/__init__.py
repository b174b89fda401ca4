"""The words of Samvad: every record, frame and id that crosses a process border. Pure, and imports nothing of ours."""
