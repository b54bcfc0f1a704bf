"""Template tags of the product: backoffice_tags."""
