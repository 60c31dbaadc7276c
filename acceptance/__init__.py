"""The acceptance flows: what a relay must do end to end, shown over HTTP."""
