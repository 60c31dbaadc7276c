"""What the relay must survive, by row: a group's letter and the row's number, and what has to hold.

Each row is a test of this folder, or several, marked `row("a1")` and named after it, `test_a01_…`.
"""

GROUPS = {
    "a": "An HTTP intermediary (RFC 9110, 9112)",
    "b": "Streams",
    "c": "Bodies",
    "d": "Keys",
    "e": "The door at /v1/proxy",
    "f": "Files by their addresses",
    "g": "JSON",
    "h": "The upstream",
    "i": "Operations",
    "j": "WebSockets",
}
ROWS = {
    "a1": "Fields that Connection names are dropped first, then the real key is set",
    "a2": "Hop-by-hop fields of an answer stay behind",
    "a3": "A request has one framing, or it is refused and its connection closed",
    "a4": "Expect: 100-continue: a bad key is refused unread, a good one lets the body flow",
    "a5": "HEAD, 204, 304, 206 and 416 keep their framing and their lengths",
    "a6": "Coded bodies pass byte for byte, and no coding is asked for in the client's name",
    "a7": "Repeated fields stay apart and in order; trailers are dropped, never merged",
    "a8": "A request that comes round to the relay again is refused: 508",
    "a9": "Query strings pass byte for byte",
    "b10": "An upstream that breaks mid-stream: one error event, then an abort; OpenAI's client raises",
    "b11": "A client that leaves takes its upstream connection along, whenever it leaves",
    "b12": "Thousands of cancelled requests leave no connection in use, and the next one is served",
    "b13": "A client that hardly reads pauses a flooding upstream; memory stays flat",
    "b14": "A silent stream lives on; past the limit both sides are closed, with an error event",
    "b15": "Events pass however they were split, byte for byte, and none waits for the next",
    "b16": "A refused stream keeps its status and its JSON",
    "c17": "Half a gigabyte up or down costs next to no memory, and passes as it comes",
    "c18": "A body that is cut short, up or down, is never completed",
    "c19": "A body over the limit, declared or found midway: 413",
    "c20": "An answer before the end of the upload passes at once",
    "d21": "A missing, wrong or partial key: 401, compared in constant time, nothing echoed",
    "d22": "The real key shows nowhere, whatever goes wrong",
    "d23": "What a client shows the relay stays with the relay",
    "d24": "A key file rotated under load: the old key is refused, no stream is dropped",
    "d25": "CORS never lets every origin send credentials",
    "e26": "A path that could be resolved or decoded to another one is refused: 400, nothing upstream",
    "e27": "Addresses, hosts, queries, odd characters, other cases and methods are refused, nothing upstream",
    "e28": "An envelope has one reading and holds no other; it passes the guard that every door passes",
    "f29": "A file host that leads inside, by any kind of address, is not dialled: 400",
    "f30": "Every address of a name is checked and a checked one dialled; redirects, other places: refused",
    "f31": "No key goes along; what is compressed, endless, too large or slow is refused while it comes",
    "g32": "Hostile JSON is forwarded byte for byte or refused with 400, and holds nobody up",
    "g33": "A hundred megabytes of JSON are refused or forwarded in bounded memory",
    "h34": "An upstream that cannot be reached: 502, or 504 where it is late; no address told",
    "h35": "429 and 503 pass unchanged after one attempt",
    "h36": "What is no HTTP, endless or of a wrong length: 502 or 504, and the connection is discarded",
    "h37": "A redirect is not followed",
    "h38": "No request is sent twice; a stale connection is replaced before anything was sent",
    "i39": "Slow clients are closed; too many are told 503, health still answers, and it recovers",
    "i40": "SIGTERM: unready at once, streams finish until the deadline, a dead worker takes no others along",
    "i41": "The upstream is down: live stays 200, ready follows its rule",
    "i42": "Thousands of mixed requests leave memory, descriptors and tasks flat",
    "j43": "A WebSocket's key comes by a field or as a subprotocol, and the upstream sees the real one alone",
    "j44": "A refused upgrade stays what it is; frames of every kind keep their order, in bounded memory",
    "j45": "Close codes pass both ways; a drain says 1012; a dead peer is found within 40 seconds",
    "j46": "Messages on hundreds of WebSockets all come back, in order and intact, and leave nothing behind",
}


def prefix(row: str) -> str:
    """How the names of a row's tests begin: `test_a01_`."""
    return f"test_{row[0]}{int(row[1:]):02}_"
