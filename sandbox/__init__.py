"""The embedded upstream: OpenAI's API played on a loopback socket, for demos, tests and dry runs.

Every operation of the contract is answered. ``contract`` reads what each takes and answers, ``render``
makes an answer of facts, ``resources`` keeps resources of every kind in a ``store``, ``families`` has a row
for what is special about a kind; a module of its own has what is more than that. It is no model: what it says
follows from the request (``reply``), and equal requests in equal order get equal bytes (``ids``).
``app.create_app`` is the ASGI application, ``server.SandboxServer`` runs it.
"""
