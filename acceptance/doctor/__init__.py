"""What keeps a relay from working, before there is one to ask: settings, keys, addresses, the upstream."""
