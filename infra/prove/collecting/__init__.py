"""What is there when a run is over: rows, messages, bills, published frames and provider calls, as events."""
