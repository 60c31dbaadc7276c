"""The same request sent direct and through a relay: what differs, and what of it is meant to."""
