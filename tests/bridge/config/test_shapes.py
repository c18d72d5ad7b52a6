"""Lists, mappings and unions in a configuration: each mistake in them has its line, its key and a hint, as in a flat section."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional, Union

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel, SecretStr, create_model, field_validator

from vms_bridge.config.check import Checker, plain_secrets, values_below
from vms_bridge.config.file import read_document
from vms_bridge.config.shapes import meant, members

if TYPE_CHECKING:
    from vms_bridge.errors import ConfigError


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Zone(Section):
    name: str
    weight: int = Field(default=1, ge=1, description="write how much it counts, 1 or more")


class Rtsp(Section):
    kind: Literal["rtsp"]
    port: int = 554
    path: str = "/"
    zones: dict[str, Zone] = Field(default_factory=dict)
    client_key: Path | None = None
    password: SecretStr | None = None


class Onvif(Section):
    kind: Literal["onvif", "onvif_t"] = Field(description="choose how it is spoken to: rtsp, onvif or onvif_t")
    host: str
    zones: list[Zone] = Field(default_factory=list)
    offsets: tuple[int, int] = (0, 0)


Camera = Annotated[Rtsp | Onvif, Field(discriminator="kind")]


class Hours(Section):
    from_hour: int
    to_hour: int


class Days(Section):
    weekdays: list[int]
    except_for: list[str] = Field(default_factory=list)


class Names(RootModel[dict[Literal["front", "back"], str]]):
    """Doors, and who is behind them."""


class Site(Section):
    cameras: list[Camera] = Field(default_factory=list, description="write the cameras of this site")
    named: dict[str, Camera] = Field(default_factory=dict)
    schedule: Literal[False] | Hours | Days = False
    shifts: list[Hours | Days] = Field(default_factory=list)
    grid: dict[str, list[dict[str, int]]] = Field(default_factory=dict)
    numbers: int | list[int] = 0
    names: Names | None = None
    places: list[Path] = Field(default_factory=list)
    gates: list[str] = Field(default_factory=list)

    @field_validator("gates")
    @classmethod
    def _quotes_what_it_got(cls, gates: list[str]) -> list[str]:
        if wrong := [gate for gate in gates if not gate.startswith("gate")]:
            raise ValueError(f"these are no gates: {wrong}")
        return gates


def check(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> tuple[Site | None, list[ConfigError]]:
    path = tmp_path / "site.yaml"
    path.write_text(text, encoding="utf-8")
    document = read_document(path, environ or {})
    checker = Checker(path, document)
    return checker.model(Site, document.values, ()), checker.mistakes


@pytest.mark.parametrize(
    ("text", "line", "key", "message", "hint"),
    [
        ("cameras:\n- kind: rtsp\n- kind: rtsp\n  prot: 1", 4, "cameras.1.prot", "no such option", "did you mean port?"),
        ("cameras:\n- kind: rtsp\n  port: many", 3, "cameras.0.port", "expected a whole number", "correct it"),
        ("cameras:\n- kind: onvif", 2, "cameras.0.host", "is missing", "write `host: ...` here"),
        ("named:\n  a: {kind: onvif}", 2, "named.a.host", "is missing", "write `host: ...` here"),
        ("cameras:\n- port: 1", 2, "cameras.0.kind", "is missing", "choose how it is spoken to"),
        ("named:\n  a: {kind: rtps}", 2, "named.a.kind", "expected 'rtsp', 'onvif'", "did you mean rtsp?"),
        ("named:\n  a: {kind: 9}", 2, "named.a.kind", "expected 'rtsp', 'onvif'", "there are: onvif, onvif_t, rtsp"),
        ("named:\n  a: {}", 2, "named.a.kind", "is missing", "choose how it is spoken to"),
        ("named:\n  a: rtsp", 2, "named.a", "expected a mapping", "correct it"),
        ("named:\n  a: ", 2, "named.a", "is empty", "correct it"),
        ("named: [a]", 1, "named", "expected a mapping", "correct it"),
        ("cameras: {a: b}", 1, "cameras", "expected a list", "write the cameras"),
        (
            "cameras:\n- kind: onvif_t\n  host: h\n  zones:\n  - nam: x\n    name: y",
            5,
            "cameras.0.zones.0.nam",
            "",
            "did you mean name?",
        ),
        (
            "named:\n  a:\n    kind: rtsp\n    zones:\n      z: {name: x, weight: 0}",
            5,
            "named.a.zones.z.weight",
            "1 or more",
            "write how much",
        ),
        (
            "named:\n  a:\n    kind: onvif\n    host: h\n    offsets:\n    - 1",
            5,
            "named.a.offsets.1",
            "is missing",
            "write one more value",
        ),
        ("named:\n  a: {kind: rtsp, client_key: none.pem}", 2, "named.a.client_key", "there is no file", "check the path"),
        ("schedule:\n  from_hour: 1\n  to_huor: 2", 3, "schedule.to_huor", "no such option", "did you mean to_hour?"),
        ("schedule:\n  weekday:\n  - 1", 2, "schedule.weekday", "no such option", "did you mean weekdays?"),
        ("schedule:\n  weekdays:\n  - 1\n  - x", 4, "schedule.weekdays.1", "expected a whole number", "correct it"),
        ("schedule: often", 1, "schedule", "expected false", "correct it"),
        (
            "shifts:\n- from_hour: 1\n  to_hour: 2\n- except_for: [x]",
            4,
            "shifts.1.weekdays",
            "is missing",
            "write `weekdays: ...`",
        ),
        ("grid:\n  a:\n  - b: 1\n    c: x", 4, "grid.a.0.c", "expected a whole number", "correct it"),
        ("numbers:\n- 1\n- x", 3, "numbers.1", "expected a whole number", "correct it"),
        ("numbers: x", 1, "numbers", "expected a whole number", "correct it"),
        ("numbers: {int: 1}", 1, "numbers", "expected a whole number or a list", "correct it"),
        ("names:\n  front: x\n  bakc: y", 3, "names.bakc", "can't be a key here", "did you mean back?"),
        ("names:\n  front: [x]", 2, "names.front", "expected text", "correct it"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, line: int, key: str, message: str, hint: str) -> None:
    _, found = check(tmp_path, text)
    told = {mistake.key: mistake for mistake in found}
    assert key in told, [str(mistake) for mistake in found]
    mistake = told[key]
    assert mistake.line == line
    assert message in str(mistake)
    assert mistake.hint.startswith(hint)
    missing = {"cameras.0.zones.0.nam": 0, "schedule.to_huor": 1, "schedule.weekday": 1}.get(key, 0)
    assert len(found) == 1 + missing, [str(mistake) for mistake in found]


def test_what_is_right_is_taken(tmp_path: Path) -> None:
    (tmp_path / "key.pem").touch()
    text = "cameras: [{kind: rtsp, client_key: key.pem}]\nschedule: {weekdays: [1]}\n"
    text += "numbers: [1, 2]\nplaces: [a, /b]\nnames: {back: x}\n"
    site, found = check(tmp_path, text)
    assert found == []
    assert site is not None
    camera = site.cameras[0]
    assert isinstance(camera, Rtsp)
    assert camera.client_key == tmp_path / "key.pem"
    assert site.places == [tmp_path / "a", Path("/b")]
    assert isinstance(site.schedule, Days)


def test_secrets_in_lists_and_mappings_are_found(tmp_path: Path) -> None:
    text = "cameras:\n- {kind: rtsp, password: plain}\nnamed:\n  a: {kind: rtsp, password: !env IT}\nnames: {front: x}\n"
    site, found = check(tmp_path, text, {"IT": "hidden"})
    assert found == []
    assert site is not None
    document = read_document(tmp_path / "site.yaml", {"IT": "hidden"})
    assert list(plain_secrets(site, (), document)) == ["cameras.0.password"]
    places = {".".join(place) for place, _ in values_below(site, ())}
    assert {"cameras.0.kind", "named.a.password", "names.front"} <= places


def test_a_password_that_a_validator_of_a_list_quotes_is_struck_out(tmp_path: Path) -> None:
    _, (mistake,) = check(tmp_path, "gates:\n- gate one\n- rtsp://me:hunter2@host\n")
    assert "these are no gates" in str(mistake)
    assert "hunter2" not in str(mistake)


@pytest.mark.parametrize(
    ("annotation", "value", "names"),
    [
        (Hours | Days | Literal[False], {"weekdays": []}, ["Days"]),
        (Hours | Days | Literal[False], {"from_hours": 1}, ["Hours"]),
        (Hours | dict[str, int], {"a": 1}, ["dict"]),
        (Hours | dict[str, int], {"from_hour": 1}, ["Hours"]),
        (Rtsp | Onvif, {"kind": "onvif", "port": 1, "path": "/"}, ["Onvif"]),
        (int | list[int] | None, [1], ["list"]),
        (int | list[int] | None, "x", ["int"]),
        (int | list[int] | None, None, ["int", "list"]),
        (int | list[int] | None, {}, ["int", "list"]),
    ],
)
def test_which_type_was_meant(annotation: object, value: object, names: list[str]) -> None:
    assert [getattr(member, "__name__", "") for member in meant(members(annotation), value)] == names


Tree = dict[str, "Tree"] | list["Tree"] | str
Way = tuple[str, ...]


class Written:
    """A tree as a file in block style, one key or value a line, and the line of each place in it."""

    def __init__(self, tree: Tree) -> None:
        self.lines: list[str] = []
        self.at: dict[Way, int] = {(): 1}
        self._write(tree, (), "")
        self.text = "\n".join(self.lines) + "\n"

    def _write(self, tree: Tree, way: Way, indent: str) -> None:
        parts = (
            [(key, f"{key}:", "  ") for key in tree]
            if isinstance(tree, dict)
            else [(str(at), "-", "  ") for at in range(len(tree))]
        )
        for key, mark, more in parts:
            value = tree[key] if isinstance(tree, dict) else tree[int(key)]
            self.at[(*way, key)] = len(self.lines) + 1
            if isinstance(value, str) or not value:
                self.lines.append(
                    f"{indent}{mark} {value if isinstance(value, str) else '{}' if isinstance(value, dict) else '[]'}"
                )
                continue
            if mark != "-":
                self.lines.append(f"{indent}{mark}")
            begin = len(self.lines)
            self._write(value, (*way, key), indent + more)
            if mark == "-":  # what stands in a list begins on the line of its dash
                self.lines[begin] = f"{indent}- {self.lines[begin][len(indent) + 2 :]}"

    def line(self, way: Way) -> int:
        while way not in self.at:
            way = way[:-1]
        return self.at[way]


WORDS = st.sampled_from(["a", "b", "garden", "front", "7", "port"])
NUMBERS = st.integers(1, 99).map(str)
ZONES = st.fixed_dictionaries({"name": WORDS}, optional={"weight": NUMBERS})
CAMERAS = st.one_of(
    st.fixed_dictionaries(
        {"kind": st.just("rtsp")},
        optional={"port": NUMBERS, "path": WORDS, "zones": st.dictionaries(WORDS, ZONES, max_size=2)},
    ),
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["onvif", "onvif_t"]), "host": WORDS}, optional={"zones": st.lists(ZONES, max_size=2)}
    ),
)
SHIFTS = st.one_of(
    st.fixed_dictionaries({"from_hour": NUMBERS, "to_hour": NUMBERS}),
    st.fixed_dictionaries({"weekdays": st.lists(NUMBERS, max_size=3)}, optional={"except_for": st.lists(WORDS, max_size=2)}),
)
SITES = st.fixed_dictionaries(
    {"cameras": st.lists(CAMERAS, max_size=3), "named": st.dictionaries(WORDS, CAMERAS, max_size=3)},
    optional={
        "schedule": SHIFTS,
        "shifts": st.lists(SHIFTS, max_size=2),
        "grid": st.dictionaries(WORDS, st.lists(st.dictionaries(WORDS, NUMBERS, max_size=2), max_size=2), max_size=2),
        "numbers": st.one_of(NUMBERS, st.lists(NUMBERS, max_size=3)),
    },
)
IN_WORDS = {"name", "path", "host", "kind", "except_for"}
OF_MODELS = {"cameras", "named", "zones", "shifts"}


def ways(tree: Tree, way: Way = ()) -> list[Way]:
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [way, *(deeper for key, value in inner for deeper in ways(value, (*way, str(key))))]


def at(tree: Tree, way: Way) -> Tree:
    for key in way:
        tree = tree[key] if isinstance(tree, dict) else tree[int(key)]
    return tree


def put(tree: Tree, way: Way, value: Tree) -> None:
    above = at(tree, way[:-1])
    if isinstance(above, dict):
        above[way[-1]] = value
    elif isinstance(above, list):
        above[int(way[-1])] = value


def damages(tree: Tree) -> list[tuple[Way, Way, Tree, Way, str]]:
    """Return what can be spoilt: the place that pydantic then looks at no further, where to put what, and what is to be told."""
    found: list[tuple[Way, Way, Tree, Way, str]] = []
    for way in ways(tree)[1:]:
        value, named = at(tree, way), [part for part in way if not part.isdecimal()]
        if isinstance(value, str) and way[-1] == "kind":
            found.append((way[:-1], way, "rtps", way, "did you mean rtsp?"))
        elif isinstance(value, str) and not IN_WORDS & {way[-1], named[-1]}:
            found.append((way, way, "many", way, ""))
        if isinstance(value, dict) and len(way) > 1 and way[-2] in OF_MODELS:
            key = next(iter(value))
            found.append((way, way, "oops", way, ""))
            found.append(((*way, f"{key}x"), (*way, f"{key}x"), "1", (*way, f"{key}x"), f"did you mean {key}?"))
    return found


@settings(max_examples=200, deadline=None)
@given(tree=SITES, data=st.data())
def test_each_of_several_mistakes_has_its_line(tree: Tree, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp()
    _, found = check(folder, Written(tree).text)
    assert found == [], "it is right at first"
    wanted: dict[Way, str] = {}
    spoilt: list[Way] = []
    for scope, place, value, told, hint in data.draw(st.permutations(damages(tree)))[:4]:
        if any(scope[: len(other)] == other or other[: len(scope)] == scope for other in spoilt):
            continue
        put(tree, place, value)
        spoilt.append(scope)
        wanted[told] = hint
    written = Written(tree)
    _, found = check(folder, written.text)
    assert {mistake.key for mistake in found} == {".".join(way) for way in wanted}, written.text
    for mistake in found:
        way = next(way for way in wanted if ".".join(way) == mistake.key)
        assert mistake.line == written.line(way), written.text
        assert mistake.hint.startswith(wanted[way])


SECRET = "þ9þ7"


@settings(max_examples=100, deadline=None)
@given(tree=SITES, data=st.data())
def test_any_text_anywhere_is_refused_without_being_quoted(
    tree: Tree, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = data.draw(st.sampled_from(ways(tree)[1:]))
    wrong: list[Tree] = [SECRET, [SECRET], {"a": SECRET}]
    put(tree, place, data.draw(st.sampled_from(wrong)))
    _, found = check(tmp_path_factory.getbasetemp(), Written(tree).text)
    for mistake in found:
        assert mistake.line
        assert mistake.hint
        assert SECRET not in str(mistake) + mistake.hint


LEAVES = st.sampled_from([int, float, bool, str, Path, SecretStr, Literal["a", "b"], Literal[False], datetime])


def _model(fields: dict[str, object]) -> type[BaseModel]:
    definitions: dict[str, Any] = {name: (annotation, ...) for name, annotation in fields.items()}
    return create_model("Drawn", __base__=Section, **definitions)


def _annotations(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        inner.map(lambda one: list[one]),  # type: ignore[valid-type]  # drawn by hypothesis
        inner.map(lambda one: dict[str, one]),  # type: ignore[valid-type]
        inner.map(lambda one: Optional[one]),  # noqa: UP045  # a type at run time
        st.tuples(inner, inner).map(lambda both: tuple[both]),  # type: ignore[valid-type]
        st.tuples(inner, inner).map(lambda both: Union[both]),  # noqa: UP007  # the same
        st.dictionaries(st.sampled_from(["a", "b", "port"]), inner, min_size=1, max_size=2).map(_model),
    )


MODELS = st.dictionaries(st.sampled_from(["a", "b", "kind"]), st.recursive(LEAVES, _annotations, max_leaves=6), min_size=1).map(
    _model
)
VALUES = st.recursive(
    st.sampled_from(["", "a", "b", "7", "no", "~", SECRET]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "kind", "prt", "int"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.timeout(60)  # pydantic takes its time over each model
@settings(max_examples=40, deadline=None)
@given(model=MODELS, values=st.dictionaries(st.sampled_from(["a", "b", "kind", "knid"]), VALUES, max_size=3))
def test_whatever_the_model_and_the_values_each_mistake_stands_where_something_is(
    model: type[BaseModel], values: Tree, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "drawn.yaml"
    written = Written(values)
    path.write_text(written.text if values else "{}", encoding="utf-8")
    document = read_document(path, {})
    checker = Checker(path, document)
    made = checker.model(model, document.values, ())
    assert (made is None) == bool(checker.mistakes)
    for mistake in checker.mistakes:
        assert mistake.hint
        way = tuple((mistake.key or "").split(".")) if mistake.key else ()
        assert way in written.at or way[:-1] in written.at, "it is there, or it is missing from what is there"
        assert mistake.line == written.line(way)
        assert SECRET not in str(mistake) + mistake.hint
    assert len({(mistake.key, str(mistake)) for mistake in checker.mistakes}) == len(checker.mistakes)
