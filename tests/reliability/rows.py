"""What the relay must survive, by row: a group's letter and the row's number, and what has to hold.

Each row is a test of this folder, or several, marked `row("a1")` and named after it, `test_a01_…`.
"""

GROUPS = {
    "a": "An HTTP intermediary (RFC 9110, 9112)",
    "b": "Streams",
    "c": "Bodies",
    "d": "Keys",
    "e26": "A path that could be resolved or decoded to another one is refused: 400, nothing upstream",
    "e27": "Addresses, hosts, queries, odd characters, other cases and methods are refused, nothing upstream",
    "e28": "An envelope has one reading and holds no other; it passes the guard that every door passes",
