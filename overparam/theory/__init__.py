"""What the papers prove, as pure functions of arrays; nothing here takes a step."""
