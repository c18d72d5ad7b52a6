"""What a VMS calls its choices (modes, run states), as labels that can be shown and distinguished, and back again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.hub.text import NAME_CHARACTERS, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MOST = 5_000
_NAMELESS = "unnamed"


class Labels:
    """The labels of one system: nearly always each choice is its own."""

    def __init__(self) -> None:
        self._labels: dict[str, str] = {}
        self._choices: dict[str, str] = {}

    def all_of(self, choices: Iterable[str]) -> tuple[str, ...]:
        """Return the labels of these, in their order; one that can be shown as it is keeps its name."""
        different = tuple(dict.fromkeys(choices))
        for choice in different:
            if shown(choice) == choice:
                self.of(choice)
        return tuple(self.of(choice) for choice in different)

    def of(self, choice: str) -> str:
        """Return the label of a choice."""
        label = self._labels.get(choice)
        if label is not None:
            return label
        if len(self._labels) >= _MOST:  # nobody has so many: they change all the time
            self._labels.clear()
            self._choices.clear()
        wanted = label = shown(choice) or _NAMELESS
        number = 2
        while label in self._choices:
            end = f" ({number})"
            label, number = f"{wanted[: NAME_CHARACTERS - len(end)]}{end}", number + 1
        self._labels[choice], self._choices[label] = label, choice
        return label

    def values_of(self, chosen: Mapping[str, str]) -> Mapping[str, str]:
        """Return a mapping with the labels of its values; the same one where nothing changes."""
        labelled = {key: self.of(choice) for key, choice in chosen.items()}
        return chosen if labelled == chosen else labelled

    def choice(self, label: str) -> str:
        """Return what the VMS calls this."""
        return self._choices.get(label, label)
