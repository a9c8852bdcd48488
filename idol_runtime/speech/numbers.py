"""English numbers as they are said: money, times, dates, units, years, ordinals.

Number words come from sanotts, which the phonemizer needs anyway.
"""

import re
from collections.abc import Callable

_MONTH_NAMES = (
    "January February March April May June July August September October November December"
)
_MONTHS = _MONTH_NAMES.split(" ")
_MONTH = "|".join(
    [*_MONTHS, "Jan", "Feb", "Mar", "Apr", "Jun", "Jul", "Aug", "Sept?", "Oct", "Nov"]
)
_MONTH += "|Dec"
_CURRENCIES = {
    "$": ("dollar", "cent"),
    "€": ("euro", "cent"),
    "£": ("pound", "penny"),
    "¥": ("yen", "sen"),
    "₩": ("won", "jeon"),
    "₹": ("rupee", "paisa"),
}
_SCALES = {"k": "thousand", "m": "million", "b": "billion", "bn": "billion", "t": "trillion"}
_UNITS = {
    "km/h": "kilometers per hour",
    "m/s": "meters per second",
    "mph": "miles per hour",
    "fps": "frames per second",
    "km": "kilometers",
    "cm": "centimeters",
    "mm": "millimeters",
    "nm": "nanometers",
    "m": "meters",
    "kg": "kilograms",
    "mg": "milligrams",
    "g": "grams",
    "lbs": "pounds",
    "lb": "pounds",
    "oz": "ounces",
    "mi": "miles",
    "ft": "feet",
    "ml": "milliliters",
    "L": "liters",
    "kHz": "kilohertz",
    "MHz": "megahertz",
    "GHz": "gigahertz",
    "Hz": "hertz",
    "KB": "kilobytes",
    "MB": "megabytes",
    "GB": "gigabytes",
    "TB": "terabytes",
    "ms": "milliseconds",
    "sec": "seconds",
    "min": "minutes",
    "hrs": "hours",
    "hr": "hours",
    "kW": "kilowatts",
    "W": "watts",
    "V": "volts",
    "°C": "degrees Celsius",
    "°F": "degrees Fahrenheit",
    "°": "degrees",
    "%": "percent",
}
_SINGULAR = {"feet": "foot", "hertz": "hertz", "percent": "percent"}
_FRACTIONS = {"1/2": "one half", "1/3": "one third", "2/3": "two thirds", "1/4": "one quarter"}
_FRACTIONS["3/4"] = "three quarters"
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_UNIT = "|".join(re.escape(unit) for unit in _UNITS)


def read_numbers(text: str) -> str:
    """The text with every number in words; text without digits is returned as it is."""
    if not any(character.isdigit() for character in text):
        return text
    for pattern, say in _RULES:
        text = pattern.sub(say, text)
    return text


def cardinal(number: str) -> str:
    """`1,234.5` as it is said; long or zero-led ones digit by digit."""
    from sanotts.nano_g2p import cardinal_words

    whole, _, decimals = number.replace(",", "").partition(".")
    is_plain = "," not in number
    if (whole[0] == "0" and len(whole) > 1) or len(whole) > (9 if is_plain else 15):
        words = digits(whole)
    else:
        words = cardinal_words(int(whole)).replace(",", "")
    return f"{words} point {digits(decimals)}" if decimals else words


def digits(number: str) -> str:
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    return " ".join(names[int(digit)] for digit in number if digit.isdecimal())


def ordinal(number: str) -> str:
    from sanotts.nano_g2p import ordinal_words

    return str(ordinal_words(int(number)))


def year(number: str) -> str:
    from sanotts.nano_g2p import year_words

    words = str(year_words(int(number)))
    return words.replace(" hundred and ", " oh " if number[2] == "0" else " ")


def _counted(number: str, noun: str) -> str:
    if number in ("1", "1.0"):
        noun = _SINGULAR.get(noun, re.sub(r"s(?= per |$| [CF])", "", noun, count=1))
    return f"{cardinal(number)} {noun}"


def _money(match: re.Match[str]) -> str:
    large, small = _CURRENCIES[match["sign"]]
    number, scale = match["number"], match["scale"]
    if scale:
        scale = _SCALES.get(scale.lower(), scale)
        return f"{cardinal(number)} {scale} {_plural(large)}"
    whole, _, rest = number.replace(",", "").partition(".")
    cents = int(rest.ljust(2, "0")[:2]) if rest else 0
    words = f"{cardinal(whole)} {large if whole == '1' else _plural(large)}"
    if not cents:
        return words
    cent_words = f"{cardinal(str(cents))} {small if cents == 1 else _plural(small)}"
    return cent_words if int(whole) == 0 else f"{words} and {cent_words}"


def _plural(noun: str) -> str:
    return {"penny": "pence", "paisa": "paise"}.get(
        noun, noun if noun in ("yen", "sen", "won", "jeon") else noun + "s"
    )


def _clock(match: re.Match[str]) -> str:
    hour, minute = match["hour"], match["minute"]
    half = " ".join((match["half"] or "").replace(".", "").upper())
    if minute == "00":
        words = cardinal(hour) + ("" if half else " o'clock")
        words = words if int(hour) <= 12 else f"{cardinal(hour)} hundred"
    else:
        words = f"{cardinal(str(int(hour)))} {'oh ' if minute[0] == '0' else ''}"
        words += cardinal(str(int(minute)))
    return f"{words} {half}".strip()


def _iso_date(match: re.Match[str]) -> str:
    month, day = int(match["month"]), int(match["day"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match[0].replace("-", " ").replace("/", " ")
    return f"{_MONTHS[month - 1]} {ordinal(str(day))}, {year(match['year'])}"


def _version(match: re.Match[str]) -> str:
    return " " + " point ".join(cardinal(part) for part in match[0].split("."))


def _phone(match: re.Match[str]) -> str:
    return ", ".join(digits(part) for part in re.split(r"[-. ]", match[0]))


def _decade(match: re.Match[str]) -> str:
    words = year(match[1]) if len(match[1]) == 4 else cardinal(match[1])
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def _fraction(match: re.Match[str]) -> str:
    if match[0] in _FRACTIONS:
        return _FRACTIONS[match[0]]
    joined = "out of" if match[2] in ("5", "10", "100") else "over"
    return f"{cardinal(match[1])} {joined} {cardinal(match[2])}"


def _month_day(match: re.Match[str]) -> str:
    month = next(name for name in _MONTHS if name.startswith(match["month"][:3]))
    words = f"{month} {ordinal(match['day'])}"
    return f"{words}, {year(match['year'])}" if match["year"] else words


_Say = Callable[[re.Match[str]], str]
_RULES: list[tuple[re.Pattern[str], _Say]] = [
    (
        re.compile(
            rf"(?P<sign>[{''.join(_CURRENCIES)}])\s?(?P<number>{_NUMBER})"
            r"(?:\s?(?P<scale>thousand|million|billion|trillion|bn|[kKmMbBT])\b)?"
        ),
        _money,
    ),
    (re.compile(r"\b(\d)'\s?(\d{1,2})\"?"), lambda match: f"{match[1]} feet {match[2]} "),
    (re.compile(r"\b24/7\b"), lambda match: "twenty-four seven"),
    (re.compile(r"\b(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})\b"), _iso_date),
    (re.compile(r"\b(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})\b"), _iso_date),
    (
        re.compile(
            rf"\b(?P<month>{_MONTH})\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)"
            r"(?:,? (?P<year>1\d{3}|20\d\d)\b)?"
        ),
        _month_day,
    ),
    (
        re.compile(
            r"\b(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)\b(?::[0-5]\d\b)?"
            r"(?:\s?(?P<half>[aApP]\.?[mM]\b\.?))?"
        ),
        _clock,
    ),
    (
        re.compile(r"\b(\d{1,2})\s?([ap])\.?m\b\.?", re.IGNORECASE),
        lambda match: f"{cardinal(match[1])} {match[2].upper()} M",
    ),
    (re.compile(r"\b(?:\d{3}[-. ])?\d{3}[-.]\d{4}\b"), _phone),
    (re.compile(r"(?<![\d.])\d+(?:\.\d+){2,}\b"), _version),
    (re.compile(r"\b(\d{4}|\d0)'?s\b"), _decade),
    (re.compile(r"\b(\d+)(?:st|nd|rd|th)\b", re.IGNORECASE), lambda match: ordinal(match[1])),
    (re.compile(r"\b(\d{1,3})/(\d{1,3})\b"), _fraction),
    (
        re.compile(rf"(?<![\w.])({_NUMBER})\s?[-–~]\s?(?={_NUMBER})(?!\S*-\d+-)"),
        lambda match: f"{match[1]} to ",
    ),
    (re.compile(r"(?<![\w.)])[-−](?=\.?\d)"), lambda match: "minus "),
    (re.compile(r"#\s?(?=\d)"), lambda match: "number "),
    (
        re.compile(rf"({_NUMBER})\s?({_UNIT})(?![\w/])"),
        lambda match: _counted(match[1], _UNITS[match[2]]),
    ),
    (
        re.compile(rf"({_NUMBER})(k|bn)\b", re.IGNORECASE),
        lambda match: f"{cardinal(match[1])} {_SCALES[match[2].lower()]}",
    ),
    (re.compile(r"\bx(\d+)\b"), lambda match: f"times {cardinal(match[1])}"),
    (re.compile(r"(\d)x\b"), lambda match: f"{match[1]} times"),
    (re.compile(r"(?<![\w.,])(1[1-9]\d\d|20\d\d)(?![\w]|[.,]\d)"), lambda match: year(match[1])),
    (re.compile(r"(?<![\d.])\.(?=\d)"), lambda match: "zero point "),
    (re.compile(_NUMBER), lambda match: f" {cardinal(match[0])} "),
    (re.compile(r"\d+"), lambda match: f" {digits(match[0])} "),
]
