"""The way to the upstream, behind httpx's transport interface: the one package that imports an HTTP client.

`upstream` is what the forwarder uses. `native` is the relay's own transport: `pool` keeps its connections,
`dial` makes one, `connection` is one, `answer` parses what it says. `through_aiohttp` is the other transport.
"""
