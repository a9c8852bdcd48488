"""How long notes are, before any tokenizer is asked."""


def estimated_tokens(text: str) -> int:
    """About how many tokens a text has: a quarter of its Latin letters, one for each other sign."""
    plain = sum(each.isascii() for each in text)
    return -(-plain // 4) + len(text) - plain


def on_one_line(text: str) -> str:
    return " ".join(text.split())
