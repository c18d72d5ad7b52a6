"""How a bridge is added, and how its token and address are changed: by forms, with an error in words for whatever goes wrong.

An address is typed by a person, or offered by zeroconf or MQTT, which anybody can do. Nothing secret goes there before the bridge
has proved itself by the pairing code or the token. `_address` is where it is looked for, `_bridge_id` which one it has to be.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, override

import voluptuous as vol
from homeassistant.config_entries import (
    SOURCE_IGNORE,
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntryState,
    ConfigFlow,
)
from homeassistant.const import CONF_CODE, CONF_METHOD, CONF_TOKEN, CONF_URL
from homeassistant.core import callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from . import offers
from .address_change import proved_address
from .client import Address, BridgeClient
from .const import CONF_BRIDGE_ID, CONF_FINGERPRINT, DOMAIN
from .errors import (
    BadAddress,
    BridgeError,
    Busy,
    CannotConnect,
    CertificateChanged,
    CertificateUntrusted,
    Impostor,
    NotABridge,
    OtherBridge,
    PairingClosed,
    PairingCodeWrong,
    PairingRefused,
)
from .options_flow import VmsBridgeOptionsFlow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from homeassistant.config_entries import ConfigEntry, ConfigFlowResult
    from homeassistant.helpers.service_info.mqtt import MqttServiceInfo
    from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo

    from .models import Info

ADDRESS, PAIR, TOKEN = "address", "pair", "token"
_WAYS = [PAIR, TOKEN]
_CODE = re.compile(r"[0-9A-HJKMNP-TV-Z]{8}")
_MEANT = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
_TOKEN = re.compile(r"vb_[0-9a-z]{10}_[A-Za-z0-9_-]{43}")
_OF_AN_ENTRY = {SOURCE_REAUTH, SOURCE_RECONFIGURE}
_MOST_TRIES = 5
"""So many wrong codes close a bridge's pairing (docs/api.md)."""
_LONGEST_DETAIL = 300
_COMMANDING = {"control", "admin"}
_URL_FIELD = TextSelector(TextSelectorConfig(type=TextSelectorType.URL))
_URL_SCHEMA = vol.Schema({vol.Required(CONF_URL): _URL_FIELD})
_USER_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_URL): _URL_FIELD,
        vol.Required(CONF_METHOD, default=PAIR): SelectSelector(
            SelectSelectorConfig(options=_WAYS, translation_key="method", mode=SelectSelectorMode.LIST)
        ),
    }
)
_CODE_SCHEMA = vol.Schema({vol.Required(CONF_CODE): TextSelector()})
_TOKEN_SCHEMA = vol.Schema({vol.Required(CONF_TOKEN): TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))})
_EXAMPLES = {
    "http": "http://",
    "https": "https://",
    "example": "http://192.168.1.5:8098",
    "example_tls": "https://cameras.example",
}
"""Translations must hold no addresses (hassfest)."""
_NOWHERE = Address("http://localhost")
_NOTHING = vol.Schema({})
type _Errors = dict[str, str]


class VmsBridgeConfigFlow(ConfigFlow, domain=DOMAIN):
    """Adds a bridge, or changes how it is reached."""

    VERSION = 1
    MINOR_VERSION = 1

    def __init__(self) -> None:
        self._address = _NOWHERE
        self._bridge_id: str | None = None
        self._name = ""
        self._way: str | None = None
        self._shown: str | None = None
        """The certificate that a person is asked about."""
        self._trusted: str | None = None
        """The certificate that the entry has pinned: nobody needs to be asked about it again."""
        self._token = ""
        self._paired: BridgeClient | None = None
        """Who holds a token that was got by pairing, for as long as it is in no entry."""
        self._wrong_codes = 0
        self._is_removed = False
        self._said: BridgeError | None = None

    @override
    @staticmethod
    @callback
    def async_get_options_flow(config_entry: ConfigEntry) -> VmsBridgeOptionsFlow:
        """Return the flow for an entry's options."""
        return VmsBridgeOptionsFlow()

    @override
    @callback
    def async_remove(self) -> None:
        """Leave nothing behind: a token that nobody is going to use is given up."""
        self._is_removed = True
        client, self._paired = self._paired, None
        if client is not None:
            self.hass.async_create_background_task(_give_up(client), "vms_bridge: give a token up", eager_start=True)

    # Ways in

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask where the bridge is, and how to get a token for it."""
        errors: _Errors = {}
        if user_input is not None:
            self._bridge_id, self._way = None, user_input[CONF_METHOD]
            if result := await self._go_to(user_input[CONF_URL], errors):
                return result
        return self._form("user", _USER_SCHEMA, errors, user_input)

    @override
    async def async_step_zeroconf(self, discovery_info: ZeroconfServiceInfo) -> ConfigFlowResult:
        """Offer a bridge that was announced in the network."""
        found = offers.of_zeroconf(discovery_info.ip_address, discovery_info.port, discovery_info.properties)
        return await self._consider(found)

    @override
    async def async_step_mqtt(self, discovery_info: MqttServiceInfo) -> ConfigFlowResult:
        """Offer a bridge that has said hello to the broker."""
        return await self._consider(offers.of_mqtt(discovery_info.topic, discovery_info.payload))

    async def async_step_reauth(self, _entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Get another token: the bridge does not take the stored one, or whoever answers there does not know it."""
        self._take_up(self._get_reauth_entry())
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask how to get it."""
        return self._menu("reauth_confirm", *_WAYS)

    async def async_step_reconfigure(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what is to be changed."""
        self._take_up(self._get_reconfigure_entry())
        return self._menu("reconfigure", ADDRESS, *_WAYS)

    async def async_step_address(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask where the bridge is now."""
        errors: _Errors = {}
        if user_input is not None and (result := await self._go_to(user_input[CONF_URL], errors)):
            return result
        return self._form("address", _URL_SCHEMA, errors, user_input or {CONF_URL: self._address.url})

    # What all of them come to

    async def async_step_certificate(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Have a person compare the certificate, which nobody vouches for, with the one that the bridge has."""
        errors: _Errors = {}
        if user_input is not None:
            self._address = Address(self._address.url, self._shown)
            if result := await self._try(self._arrive, errors):
                return result
        return self._form("certificate", _NOTHING, errors)

    async def async_step_method(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask how to get a token for a bridge that was found."""
        return self._menu("method", *_WAYS)

    async def async_step_unproved(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for another token where the bridge at the new address does not know the stored one."""
        return self._menu("unproved", *_WAYS)

    async def async_step_pair(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the code that `vms-bridge pair` shows, and get a token for it."""
        self._way = PAIR
        errors: _Errors = {}
        if user_input is not None:
            code = user_input[CONF_CODE].upper().translate(_MEANT)
            if not _CODE.fullmatch(code):
                errors[CONF_CODE] = "invalid_code"
            elif result := await self._try(lambda: self._pair(code), errors):
                return result
        return self._form("pair", _CODE_SCHEMA, errors)

    async def async_step_token(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for a token that somebody has made on the bridge."""
        self._way = TOKEN
        errors: _Errors = {}
        if user_input is not None:
            token = user_input[CONF_TOKEN].strip()
            if not _TOKEN.fullmatch(token):
                errors[CONF_TOKEN] = "invalid_token"
            elif result := await self._try(lambda: self._use(token), errors):
                return result
        return self._form("token", _TOKEN_SCHEMA, errors)

    async def async_step_read_only(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Say what a token lacks that may only read."""
        if user_input is not None:
            return self._end()
        return self._form("read_only", _NOTHING, {})

    def _take_up(self, entry: ConfigEntry) -> None:
        """Begin with what is known of the bridge."""
        self._address = Address(entry.data[CONF_URL], entry.data[CONF_FINGERPRINT])
        self._bridge_id, self._name, self._trusted = entry.unique_id, entry.title, entry.data[CONF_FINGERPRINT]

    async def _consider(self, offer: offers.Offer | None) -> ConfigFlowResult:
        if offer is None:
            return self.async_abort(reason="no_offer")
        self._bridge_id, self._name, self._address = offer.bridge_id, offer.name or offer.bridge_id[:8], offer.address
        if known := await self.async_set_unique_id(offer.bridge_id):
            await self._leave_alone(known)
        self.context["title_placeholders"] = {"name": self._name}
        errors: _Errors = {}
        if result := await self._try(self._arrive, errors):
            return result
        return self.async_abort(reason="offer_failed", description_placeholders=self._placeholders())

    async def _go_to(self, text: str, errors: _Errors) -> ConfigFlowResult | None:
        """Look who is at an address that a person has typed; without a result, `errors` has why not."""
        try:
            self._address = offers.normal(Address.parse(text))
        except BadAddress as error:
            errors[CONF_URL] = error.key
            return None
        result = await self._try(self._arrive, errors)
        if errors.get("base") in {CannotConnect.key, NotABridge.key} and await self._is_by_other_scheme():
            errors["base"] = "use_http" if self._address.is_encrypted else "use_https"
        return result

    async def _is_by_other_scheme(self) -> bool:
        place = self._address.base
        other = place.with_scheme("http" if place.scheme == "https" else "https")
        try:
            await self._client(Address(str(other).rstrip("/"))).info()
        except CertificateUntrusted:
            return True
        except BridgeError:
            return False
        return True

    async def _arrive(self) -> ConfigFlowResult:
        """Meet the bridge, and ask for what there is to ask yet. Raises BridgeError."""
        info = await self._client().info()
        if self.source not in _OF_AN_ENTRY:
            await self._know(info)
        match self._way:
            case "pair":
                return await self.async_step_pair()
            case "token":
                return await self.async_step_token()
        return await (self._move() if self.source == SOURCE_RECONFIGURE else self.async_step_method())

    async def _know(self, info: Info) -> None:
        self._bridge_id, self._name = info.bridge_id, offers.plain(info.name) or info.bridge_id[:8]
        self.context["title_placeholders"] = {"name": self._name}
        if self.source == SOURCE_USER and (known := await self.async_set_unique_id(info.bridge_id, raise_on_progress=False)):
            await self._leave_alone(known)

    async def _leave_alone(self, known: ConfigEntry) -> None:
        """Abort, for the bridge is set up; but where it is lost, and has proved itself at this address, this is its from now on.

        One that somebody has chosen to ignore can be added by who types its address.
        """
        found = None if known.source == SOURCE_IGNORE else await proved_address(self.hass, known, self._address)
        if found is not None:
            updates = {CONF_URL: found.url, CONF_FINGERPRINT: found.fingerprint}
            self._abort_if_unique_id_configured(updates, error="address_changed", description_placeholders={"url": found.url})
        if known.state is ConfigEntryState.LOADED:
            known.runtime_data.hurry()  # somebody has heard of it
        self._abort_if_unique_id_configured()

    async def _move(self) -> ConfigFlowResult:
        """Take the address for the entry's, if the bridge there knows the stored token. Raises BridgeError."""
        entry = self._get_reconfigure_entry()
        try:
            await self._client(token=entry.data[CONF_TOKEN]).prove()
        except OtherBridge:
            raise
        except Impostor:
            return await self.async_step_unproved()
        updates = {CONF_URL: self._address.url, CONF_FINGERPRINT: self._address.fingerprint}
        return self.async_update_reload_and_abort(entry, data_updates=updates)

    async def _pair(self, code: str) -> ConfigFlowResult:
        """Get a token for a code, and go in. Raises BridgeError."""
        granted = await self._client().pair(code, self._own_name(), self.hass.async_add_executor_job)
        self._paired = self._client(token=granted.token)
        return await self._go_in(granted.token, granted.scope)

    async def _use(self, token: str) -> ConfigFlowResult:
        """Go in by a token, once the bridge has proved that it knows it. Raises BridgeError."""
        client = self._client(token=token)
        await client.prove()
        return await self._go_in(token, await client.scope())

    async def _go_in(self, token: str, scope: str) -> ConfigFlowResult:
        self._token = token
        if self._is_removed:  # somebody has closed the form meanwhile
            self.async_remove()
            return self.async_abort(reason="closed")
        return self._end() if scope in _COMMANDING else await self.async_step_read_only()

    def _end(self) -> ConfigFlowResult:
        data = {
            CONF_URL: self._address.url,
            CONF_FINGERPRINT: self._address.fingerprint,
            CONF_TOKEN: self._token,
            CONF_BRIDGE_ID: self._bridge_id,
        }
        if self.source in _OF_AN_ENTRY:
            entry = self._get_reauth_entry() if self.source == SOURCE_REAUTH else self._get_reconfigure_entry()
            self._paired = None
            return self.async_update_reload_and_abort(entry, data_updates=data)
        self._abort_if_unique_id_configured()
        self._paired = None
        return self.async_create_entry(title=self._name, data=data)

    async def _try(self, attempt: Callable[[], Awaitable[ConfigFlowResult]], errors: _Errors) -> ConfigFlowResult | None:
        """Return what an attempt comes to, or the question about a certificate; without a result, `errors` has why not."""
        try:
            return await attempt()
        except (CertificateUntrusted, CertificateChanged) as error:
            self._said = error
            if error.fingerprint is not None:
                self._shown = error.fingerprint
                if self._shown != self._trusted or self._address.fingerprint is not None:
                    return await self.async_step_certificate()
                self._address = Address(self._address.url, self._shown)
                return await self._try(self._arrive, errors)
        except BridgeError as error:
            self._said = error
        errors["base"] = self._why(self._said)
        return None

    def _why(self, error: BridgeError) -> str:
        """Return by which key an error is translated."""
        if isinstance(error, PairingRefused):
            return self._why_no_pairing(error)
        if isinstance(error, Impostor) and not isinstance(error, OtherBridge) and self._way == TOKEN:
            return "token_unknown"
        return error.key

    def _why_no_pairing(self, error: PairingRefused) -> str:
        """Return by which key it is translated; where the codes that were typed have closed it, that is told."""
        if isinstance(error, PairingCodeWrong):
            self._wrong_codes += 1
        is_over = isinstance(error, PairingCodeWrong | PairingClosed) and self._wrong_codes >= _MOST_TRIES
        return "too_many_tries" if is_over else error.key

    def _client(self, address: Address | None = None, *, token: str | None = None) -> BridgeClient:
        return BridgeClient(async_get_clientsession(self.hass), address or self._address, token, bridge_id=self._bridge_id)

    def _own_name(self) -> str:
        """Return by which name people are to know the token again: 64 characters at most, on one line."""
        return offers.plain(f"Home Assistant {self.hass.config.location_name}")

    def _menu(self, step_id: str, *choices: str) -> ConfigFlowResult:
        return self.async_show_menu(step_id=step_id, menu_options=list(choices), description_placeholders=self._placeholders())

    def _form(
        self, step_id: str, schema: vol.Schema, errors: _Errors, shown: Mapping[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show a form, with what was typed in it before; what is secret is typed anew."""
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            errors=errors,
            description_placeholders=self._placeholders(),
        )

    def _placeholders(self) -> dict[str, str]:
        error = self._said
        return {
            **_EXAMPLES,
            "name": self._name,
            "url": self._address.url,
            "fingerprint": self._shown or "",
            "detail": "" if error is None else offers.plain(error.detail, _LONGEST_DETAIL),
            "hint": "" if error is None else offers.plain(error.hint or "", _LONGEST_DETAIL),
            "seconds": str(round(error.retry_after_s)) if isinstance(error, Busy) else "",
        }


async def _give_up(client: BridgeClient) -> None:
    with suppress(BridgeError):
        await client.delete("tokens/self")
