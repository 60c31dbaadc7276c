"""The operations that differ from plain forwarding, one module per family, named in the overlay."""
