"""The shell: ties the rooms together. It may import everything; nothing imports it."""

VERSION = "0.1.0"
