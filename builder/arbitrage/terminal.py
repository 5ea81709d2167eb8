"""Foreign text on a terminal: shown, never obeyed."""


def safe(text: str) -> str:
    """Show control characters as codes, so that nothing that a file or a model says steers the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)
