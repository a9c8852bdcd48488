def normalize(text: str, language: str) -> str:
    return text
