"""The benchmark: measures the platform's speed against floors and peers."""
