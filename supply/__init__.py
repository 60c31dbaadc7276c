"""What is handed on: the wheel and the sdist, the bill of materials, and the audit of what is locked."""
