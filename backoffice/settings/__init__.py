"""Settings: `base` is safe for the demo, `test` is for the tests, `prod` requires everything to be said."""
