"""Things to try with a running relay."""
