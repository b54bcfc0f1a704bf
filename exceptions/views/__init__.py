"""The pages of the exception desk, of bulk jobs, of reversals and of RTGS."""
