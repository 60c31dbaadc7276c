"""What a new state of OpenAI's document changes: for clients, and for this project."""
