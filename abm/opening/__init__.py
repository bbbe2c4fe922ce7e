"""The opening of a market."""
