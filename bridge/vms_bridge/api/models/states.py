"""What is current about monitors and systems, and answers to commands: in the very words of MQTT (docs/mqtt.md).

Their schemas are made of the rows of the catalogue and of the models that the messages are made of, as those of MQTT are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import RootModel

from vms_bridge.bodies import Answer, EventAnswer, Failure, FullAnswer
from vms_bridge.entities import schemas
from vms_bridge.views import EventMessage

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema


class MonitorState(RootModel[dict[str, Any]]):
    """Everything current about a monitor; live values are null while it is not available."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return what the catalogue's rows say of it."""
        return _described(cls, schemas.monitor_state())


class SystemState(RootModel[dict[str, Any]]):
    """Everything current about a system; live values are null while it is not available."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return what the catalogue's rows say of it."""
        return _described(cls, schemas.system_state())


class LastEvent(RootModel[dict[str, Any]]):
    """The newest step in the life of a monitor's newest event."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return what MQTT's messages say."""
        return _described(cls, schemas.object_of(schemas.fields(EventMessage)))


class Ack(RootModel[dict[str, Any]]):
    """What became of a command."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return what MQTT's answers say."""
        return _described(
            cls, schemas.object_of(schemas.fields(Answer, Failure), {**schemas.fields(EventAnswer), **schemas.fields(FullAnswer)})
        )


def _described(model: type[RootModel[Any]], schema: dict[str, Any]) -> dict[str, Any]:
    return {"title": model.__name__, "description": model.__doc__, **schema}
