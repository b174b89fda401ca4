"""The workers: take requests in order, claim turns, build context, stream from a provider, answer, finish."""
