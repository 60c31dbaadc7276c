"""The runtime: knows no operation by name, only the generated contract."""
