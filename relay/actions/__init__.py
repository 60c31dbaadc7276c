"""Doors for clients that send and read JSON alone: files in and out, by value, by reference or by address."""
