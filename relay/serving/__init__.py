"""The relay as a server: processes, the listening socket, connections, and requests that come in by them."""
