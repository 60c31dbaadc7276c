"""The contract as schemathesis tries it, by schemathesis.toml: `python -m tests.fuzz.contract`."""
