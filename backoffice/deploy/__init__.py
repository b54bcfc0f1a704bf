"""What an installation needs beside the code: the image, the database roles, the proxy."""
