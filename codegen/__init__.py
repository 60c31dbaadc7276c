"""Build time: reads spec/, writes generated/; never imported by the runtime."""
