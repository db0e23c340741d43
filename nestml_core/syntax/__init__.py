"""From text to a tree: layout, grammar, and the messages for what does not parse."""
