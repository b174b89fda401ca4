"""The one door to providers. Only `door.py` and `deployments.py` know LiteLLM."""
