"""The embedded upstream: OpenAI's API played on a loopback socket, for demos, tests and dry runs.

It is no model: what it says follows from the request alone (``reply``), and equal requests get equal
bytes (``ids``). ``app.create_app`` is the ASGI application, ``server.SandboxServer`` runs it.
"""
