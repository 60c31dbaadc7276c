"""What the relay tells whoever watches over it: counts, traces, and what its contract lacks."""
