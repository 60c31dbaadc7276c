"""WebSockets (RFC 6455) between a client and the upstream: frames pass as the bytes that they came as.

`upgrade` is the client's wish, `frames` judges one direction, `side` is one of the two connections, `tunnel`
joins them, and `serve` is the way of one WebSocket from its handshake to its end.
"""
