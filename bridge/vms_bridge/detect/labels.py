"""Which rule is meant for a label: by its full name, by a glob, or by a regular expression that can't run away.

A pattern is a name (`person`), a glob (`*cat`), several of these (`car|truck|bus`) or `re:` and a regular expression. It
matches a whole label and never the beginning of one, in whatever case. Of several that match, the most specific wins: a name
before a glob, a longer glob before a shorter one, a glob before a regular expression, `*` last; else the one that comes first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import translate

LABEL_LENGTH = 128
"""How many characters a label may have; of a longer one the rest is not looked at."""
PATTERN_LENGTH = 256
MOST_STEPS = 20_000
"""How many ways a regular expression may have to match a label of full length."""
_LARGE_CLASS = {"d", "D", "w", "W", "s", "S", "b", "B", "."}
_COUNTS = re.compile(r"\{([0-9]*)(,?)([0-9]*)\}")
_STRANGE_CLASS = re.compile(r"(?<!\\)\[|--|&&|~~|\|\|")  # to mean something else in a later Python


class WrongPattern(ValueError):
    """A text is no pattern for labels; `remedy` says what to write."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True, order=True)
class Precedence:
    """How specific a pattern is: the least of several is meant."""

    rank: int
    wildcards: int
    length: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern for labels, `text` as it is written."""

    text: str
    _choices: tuple[tuple[Precedence, re.Pattern[str]], ...] = field(repr=False)

    def precedence(self, label: str) -> Precedence | None:
        """Return how specifically it names the label, None where it does not."""
        name = label.strip()[:LABEL_LENGTH]
        return min((rank for rank, choice in self._choices if choice.fullmatch(name)), default=None)

    def __contains__(self, label: str) -> bool:
        return self.precedence(label) is not None


def parse_pattern(text: str) -> Pattern:
    """Return the pattern. Raises WrongPattern where the text is none, or may take too long to match."""
    written = text.strip()
    if not written:
        raise WrongPattern("is no label", "write a label such as person, or a glob such as *cat")
    if len(written) > PATTERN_LENGTH:
        raise WrongPattern(f"is too long for a pattern, the most is {PATTERN_LENGTH} characters", "write a shorter one")
    if written.startswith("re:"):
        expression = written.removeprefix("re:")
        return Pattern(written, ((Precedence(2, 0, 0), _compiled(expression)),))
    choices = [choice.strip() for choice in written.split("|")]
    if not all(choices):
        raise WrongPattern("has an empty choice", "write one label between two |, as in car|truck")
    return Pattern(written, tuple(_choice(choice) for choice in choices))


def _choice(text: str) -> tuple[Precedence, re.Pattern[str]]:
    """Return the name or glob, with how specific it is."""
    wildcards = sum(text.count(wildcard) for wildcard in "*?[")
    if not wildcards:
        return Precedence(0, 0, 0), re.compile(re.escape(text[:LABEL_LENGTH]), re.IGNORECASE)
    # Python's globs are translated so that no `*` is tried again once what follows it has matched: none runs away.
    rank = 3 if not text.strip("*") else 1
    return Precedence(rank, text.count("*"), -len(text)), re.compile(translate(text), re.IGNORECASE)


def _compiled(expression: str) -> re.Pattern[str]:
    """Return the regular expression, of the subset whose time is bounded."""
    steps = _Steps(expression).count()
    if steps > MOST_STEPS:
        remedy = "use fewer *, +, ? and |: at most two * or + in all"
        raise WrongPattern("could take too long to match", remedy)
    try:
        return re.compile(expression, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise WrongPattern(f"is no regular expression: {error}", "mend it, or use a glob such as *cat") from None


class _Steps:
    """Counts in how many ways an expression can match a label at worst: the product of all that it leaves open.

    Only what can be counted so is allowed: groups are not repeated, nothing refers back, nothing looks around.
    """

    def __init__(self, expression: str) -> None:
        self._text, self._at = expression, 0

    def count(self) -> int:
        """Return the number of ways, more than `MOST_STEPS` where there are more. Raises WrongPattern."""
        steps = self._alternatives(0)
        if self._at < len(self._text):
            raise WrongPattern("has a ) without a (", "write \\) for the character")
        return steps

    def _alternatives(self, depth: int) -> int:
        if depth > 8:
            raise WrongPattern("nests its groups too deep", "write it without so many ( )")
        steps, choices = 1, 1
        while self._at < len(self._text) and self._text[self._at] != ")":
            if self._text[self._at] == "|":
                self._at, choices = self._at + 1, choices + 1
                continue
            is_group = self._text[self._at] == "("
            steps *= self._group(depth) if is_group else self._one()
            steps = min(steps * self._repeats(is_group=is_group), MOST_STEPS + 1)
        return min(steps * choices, MOST_STEPS + 1)

    def _group(self, depth: int) -> int:
        self._at += 1
        if self._text.startswith("?:", self._at):
            self._at += 2
        elif self._text.startswith("?", self._at):
            raise WrongPattern("has a (?…), which is not allowed here", "use plain groups: ( ) or (?: )")
        steps = self._alternatives(depth + 1)
        if self._at >= len(self._text):
            raise WrongPattern("has a ( without a )", "write \\( for the character")
        self._at += 1
        return steps

    def _one(self) -> int:
        """Pass over one character or class of these."""
        character = self._text[self._at]
        self._at += 1
        if character == "\\":
            escaped = self._text[self._at : self._at + 1]
            if not escaped or (escaped.isalnum() and escaped not in _LARGE_CLASS):
                remedy = "of letters and digits only \\d, \\w, \\s and \\b are allowed behind a \\"
                raise WrongPattern(f"has a \\{escaped}, which is not allowed here", remedy)
            self._at += 1
        elif character == "[":
            self._class()
        return 1

    def _class(self) -> None:
        """Pass over what is between [ and ]."""
        begin = self._at
        at = begin + self._text.startswith("^", begin)
        at += self._text.startswith("]", at)
        while at < len(self._text) and self._text[at] != "]":
            at += 2 if self._text[at] == "\\" else 1
        if at >= len(self._text):
            raise WrongPattern("has a [ without a ]", "write \\[ for the character")
        if _STRANGE_CLASS.search(self._text, begin, at):
            raise WrongPattern("has a [, or a doubled sign, within [ ]", "write a \\ before it")
        self._at = at + 1

    def _repeats(self, *, is_group: bool) -> int:
        """Return how many ways a repetition that stands here leaves open, and pass over it."""
        found = _COUNTS.match(self._text, self._at)
        character = self._text[self._at : self._at + 1]
        if found and found[0] != "{}":
            least, most = int(found[1] or 0), int(found[3] or LABEL_LENGTH) if found[2] else int(found[1])
            ways = max(most - least, 0) + 1
            self._at = found.end()
        elif character and character in "*+?":
            ways = 2 if character == "?" else LABEL_LENGTH + 1
            self._at += 1
        else:
            return 1
        if is_group:
            raise WrongPattern("repeats a group", "repeat single characters only, or write the group out")
        if self._text[self._at : self._at + 1] in {"?", "+"}:
            self._at += 1
        return ways
