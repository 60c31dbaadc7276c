"""What the commands do that ask a relay: the acceptance flows, drift, differences, and the doctor."""
