"""The pages about transactions, one module per screen."""
