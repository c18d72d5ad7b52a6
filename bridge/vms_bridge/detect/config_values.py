"""Texts of the section `detection` that mean a size, a time or labels: checked when the file is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from vms_bridge.detect.labels import WrongPattern, parse_pattern
from vms_bridge.detect.sizes import WrongSize, parse_area, parse_duration, parse_picture_size

if TYPE_CHECKING:
    from collections.abc import Callable


class Section(BaseModel):
    """A part of the section: it knows its own options only, and stays as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _checked(parse: Callable[[str], object]) -> AfterValidator:
    """Return a validator that holds a text against what reads it later, and leaves it as it is."""

    def check(text: str) -> str:
        try:
            parse(text)
        except (WrongSize, WrongPattern) as wrong:
            raise refusal(str(wrong), wrong.remedy) from None
        return text.strip()

    return AfterValidator(check)


def refusal(message: str, remedy: str) -> PydanticCustomError:
    """Return a validator's mistake with its remedy, whatever signs are in them."""
    return PydanticCustomError("detection", "{said}", {"said": message, "remedy": remedy})


AreaText = Annotated[str, Field(max_length=32), _checked(parse_area)]
DurationText = Annotated[str, Field(max_length=32), _checked(parse_duration)]
PictureSizeText = Annotated[str, Field(max_length=32), _checked(parse_picture_size)]
LabelText = Annotated[str, Field(min_length=1, max_length=256), _checked(parse_pattern)]
"""A name, a glob, several of these with | between them, or `re:` and a regular expression."""
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
"""A name that is chosen in the configuration, and ends up in topics and files."""
Score = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(gt=0, le=1)]


def seconds(text: str | None) -> float | None:
    """Return the seconds of a time that may be left out."""
    return None if text is None else parse_duration(text)
