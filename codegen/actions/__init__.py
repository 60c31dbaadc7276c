"""The compiler for GPT Actions: the contract's groups become documents and function tools."""
