"""Darknet's configuration as sections with their lines: pure, bounded, and free of what sections mean."""

from __future__ import annotations

from dataclasses import dataclass

from vms_bridge.errors import ModelRefused

_MOST_BYTES = 1_000_000
_MOST_SECTIONS = 2_000
_MOST_OPTIONS = 64
_MOST_NUMBERS = 4_096


@dataclass(frozen=True, slots=True)
class Option:
    """One `key=value`; `line` counts from 1."""

    value: str
    line: int


@dataclass(frozen=True, slots=True)
class Section:
    """One `[kind]` with its options; `file` and `line` say where, for errors."""

    kind: str
    options: dict[str, Option]
    file: str
    line: int

    def refused(self, message: str, *, key: str | None = None, hint: str = "") -> ModelRefused:
        """Make the error that names this section, or the line of that option."""
        option = None if key is None else self.options.get(key)
        where = f"{self.file}:{self.line if option is None else option.line}: [{self.kind}]"
        return ModelRefused(f"{where} {message}", hint=hint)

    def text(self, key: str, default: str) -> str:
        """Return an option."""
        option = self.options.get(key)
        return default if option is None else option.value

    def whole(self, key: str, default: int, *, least: int, most: int) -> int:
        """Return an option that is a whole number. Raises ModelRefused."""
        text = self.text(key, str(default))
        try:
            number = int(text)
        except ValueError:
            raise self.refused(f"{key}={text[:40]} is no whole number", key=key) from None
        if not least <= number <= most:
            raise self.refused(f"{key}={number} is not within {least} to {most}", key=key)
        return number

    def number(self, key: str, default: float, *, least: float, most: float) -> float:
        """Return an option that is a number. Raises ModelRefused."""
        (number,) = self.numbers(key, default=(default,), least=least, most=most, count=1)
        return number

    def numbers(
        self, key: str, *, default: tuple[float, ...] = (), least: float, most: float, count: int | None = None
    ) -> tuple[float, ...]:
        """Return an option that is a list of numbers with commas between them. Raises ModelRefused."""
        if key not in self.options:
            return default
        parts = [part.strip() for part in self.text(key, "").split(",")]
        if not parts[-1]:  # a comma at the end, as some files have it
            parts.pop()
        if not parts or len(parts) > _MOST_NUMBERS or (count is not None and len(parts) != count):
            wanted = "numbers with commas between them" if count is None else f"{count} of them"
            raise self.refused(f"{key} has {len(parts)} numbers, and needs {wanted}", key=key)
        try:
            numbers = tuple(float(part) for part in parts)
        except ValueError:
            raise self.refused(f"{key} has something that is no number", key=key) from None
        if not all(least <= number <= most for number in numbers):  # NaN is not, either
            raise self.refused(f"{key} has a number that is not within {least:g} to {most:g}", key=key)
        return numbers

    def wholes(self, key: str, *, default: tuple[int, ...] = (), least: int, most: int) -> tuple[int, ...]:
        """Return an option that is a list of whole numbers. Raises ModelRefused."""
        numbers = self.numbers(key, default=tuple(map(float, default)), least=least, most=most)
        if not all(number.is_integer() for number in numbers):
            raise self.refused(f"{key} has a number that is not whole", key=key)
        return tuple(int(number) for number in numbers)


def parse(text: str, file: str) -> tuple[Section, ...]:
    """Return the sections in their order; `file` is its name, for errors. Raises ModelRefused."""
    if len(text) > _MOST_BYTES:
        raise ModelRefused(f"{file} has more than {_MOST_BYTES:,} characters: it is no configuration of Darknet's", hint=_SWAPPED)
    sections: list[Section] = []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.split("#", 1)[0].split(";", 1)[0].strip()
        if not stripped:
            continue
        if stripped.startswith("["):
            kind, closed, rest = stripped[1:].partition("]")
            if not closed or rest.strip() or not kind.strip():
                raise ModelRefused(f"{file}:{number}: {stripped[:60]!r} is no [section]")
            if len(sections) >= _MOST_SECTIONS:
                raise ModelRefused(f"{file}:{number}: there are more than {_MOST_SECTIONS} sections")
            sections.append(Section(kind.strip().lower(), {}, file, number))
            continue
        key, equals, value = stripped.partition("=")
        if not equals or not key.strip() or not sections:
            what = "stands before the first [section]" if not sections else "is neither a [section] nor key=value"
            raise ModelRefused(f"{file}:{number}: {stripped[:60]!r} {what}", hint=_SWAPPED)
        options = sections[-1].options
        if len(options) >= _MOST_OPTIONS:
            raise ModelRefused(f"{file}:{number}: the section has more than {_MOST_OPTIONS} options")
        options[key.strip().lower()] = Option(value.strip(), number)
    if not sections:
        raise ModelRefused(f"{file} is empty", hint=_SWAPPED)
    return tuple(sections)


_SWAPPED = "name the .cfg first, then the .weights"
