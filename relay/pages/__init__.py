"""The relay in a browser: its status, and the reference of what it serves."""
