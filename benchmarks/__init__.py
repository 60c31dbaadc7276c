"""What the relay costs, measured side by side with other ways to forward a request (`make bench`)."""
