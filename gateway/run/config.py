"""Configuration: how the service runs. Defaults < TOML file < environment < flags, checked as a whole, then frozen.

Settings that customers change (gateways, tokens, keys) are not here: they live in the store.
"""

import dataclasses
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gateway.model import bounds
from gateway.model.service import ControlConfig, EdgeConfig, Limits, ProviderOverride, Timeouts, TokenCaching
from gateway.model.tokens import well_formed
from gateway.providers import registry
from gateway.run import values
from gateway.run.keyfiles import keys_from, private_folder, read_secret
from gateway.run.layers import ConfigError, Entry, Key, Layer, Vocabulary, nest, read_environment, read_toml
from gateway.run.new_store import expects_new_store, require_store
from gateway.run.tls import server_context
from gateway.run.values import split_address
from gateway.run.web_origin import none_by_name, web_origin

CONFIG_NAME: Final = "gateway.toml"
STORE_NAME: Final = "gateway.db"
"""Of the default store, in the data folder."""
_SOCKET_NAME: Final = "control.sock"
_SOCKET_PATH_LIMIT: Final = 100
"""Linux takes 107 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfig:
    """All that a start needs to know."""

    edge: EdgeConfig
    control: ControlConfig
    workers: int
    log_level: str
    data_dir: Path
    public_url: str
    """Empty: nobody set it, the first listening address stands for it."""
    dashboard_url: str = ""
    """Where browsers find the dashboard."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSection(_Section):
    listen: Annotated[
        tuple[Annotated[str, AfterValidator(values.address)], ...], BeforeValidator(values.listed), Field(min_length=1)
    ] = ("127.0.0.1:8787",)
    workers: Annotated[int, Field(ge=0, le=256)] = 0
    """0: one for each core."""
    public_url: Annotated[str, AfterValidator(values.origin)] = ""
    tls_certificate: str = ""
    tls_key: str = ""
    """Both or none; read again at each reload."""
    trusted_proxies: Annotated[tuple[Annotated[str, AfterValidator(values.network)], ...], BeforeValidator(values.listed)] = ()
    """Whose X-Forwarded-For names the client."""
    cors_origins: Annotated[
        tuple[Annotated[str, AfterValidator(web_origin)], ...], BeforeValidator(values.listed), BeforeValidator(none_by_name)
    ] = ("*",)
    """Whose pages may use inference from a browser."""
    hosts: Annotated[tuple[Annotated[str, AfterValidator(values.host)], ...], BeforeValidator(values.listed)] = ()
    """Host names to answer to; empty for any."""
    timing: bool = False
    """Whether answers carry Server-Timing."""


class AdminSection(_Section):
    listen: Annotated[tuple[Annotated[str, AfterValidator(values.address)], ...], BeforeValidator(values.listed)] = ()
    """Of the management API and the dashboard; empty: the public addresses serve them too."""
    url: Annotated[str, AfterValidator(values.origin)] = ""
    hosts: Annotated[tuple[Annotated[str, AfterValidator(values.host)], ...], BeforeValidator(values.listed)] = ()


class OpsSection(_Section):
    listen: Annotated[str, AfterValidator(values.address_or_none)] = "127.0.0.1:8788"
    """Empty: no ops listener."""
    hosts: Annotated[tuple[Annotated[str, AfterValidator(values.host)], ...], BeforeValidator(values.listed)] = ()


class StoreSection(_Section):
    url: Annotated[str, AfterValidator(values.store_url)] = ""
    """Empty: SQLite in the data folder."""


class BootstrapSection(_Section):
    account_id: Annotated[str, AfterValidator(values.account_id)] = ""
    token_file: str = ""
    hours: Annotated[int, Field(ge=1, le=87_600)] = 24
    """Until the first token expires."""
    stays: bool = False
    """Whether it goes on beside another token that may do everything."""


class UpstreamSection(_Section):
    ca_bundle: Annotated[str, AfterValidator(values.authorities)] = ""
    allow_private_custom: bool = False


class LogSection(_Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    access: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the logged requests that get a line; 0: none."""


class AuditSection(_Section):
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 400


class ProviderSection(_Section):
    base_url: Annotated[str, AfterValidator(values.base_url)] = ""
    keyless: bool = False


class Settings(_Section):
    server: ServerSection = ServerSection()
    admin: AdminSection = AdminSection()
    ops: OpsSection = OpsSection()
    store: StoreSection = StoreSection()
    bootstrap: BootstrapSection = BootstrapSection()
    upstream: UpstreamSection = UpstreamSection()
    log: LogSection = LogSection()
    audit: AuditSection = AuditSection()
    limits: Limits = Limits()
    timeouts: Timeouts = Timeouts()
    token_cache: TokenCaching = TokenCaching()
    providers: dict[str, ProviderSection] = {}


def vocabulary() -> Vocabulary:
    sections = {name: _keys(field.annotation) for name, field in Settings.model_fields.items() if name != "providers"}
    return Vocabulary(
        sections=sections,
        provider_keys=tuple(ProviderSection.model_fields),
        provider_slug=_slug,
        provider_slugs=tuple(provider.slug for provider in registry.PROVIDERS),
    )


def _keys(section: Any) -> tuple[str, ...]:
    if dataclasses.is_dataclass(section):
        return tuple(field.name for field in dataclasses.fields(section))
    return tuple(section.model_fields)


def _slug(name: str) -> str | None:
    provider = registry.find(name)
    return None if provider is None else provider.slug


def read_settings(config_file: str, environ: Mapping[str, str], flags: Mapping[tuple[str, str], Any]) -> Settings:
    """The checked settings; ConfigError names file and key, variable or flag. `flags` holds those that were given."""
    words = vocabulary()
    layer: Layer = {}
    if config_file or (config_file := _found_config(environ)):
        layer |= read_toml(config_file, words)
    layer |= {key: entry for key, entry in read_environment(environ, words).items() if entry.value or _takes_text(key)}
    layer |= {key: Entry(value, f"--{_flag(key)}") for key, value in flags.items()}
    try:
        settings = Settings.model_validate(nest(layer))
    except ValidationError as error:
        raise _explained(error, layer) from None
    _check_numbers(settings, layer)
    return settings


def _takes_text(key: Key) -> bool:
    """Whether an empty variable means something: for a number or a list it means that nothing was set."""
    section, *_, name = key
    default = ProviderSection() if section == "providers" else getattr(Settings(), section)
    return isinstance(getattr(default, name), str)


def _found_config(environ: Mapping[str, str]) -> str:
    """systemd's ConfigurationDirectory= may hold the file."""
    path = Path(environ.get("CONFIGURATION_DIRECTORY", "")) / CONFIG_NAME
    return str(path) if path.is_absolute() and path.exists() else ""


def _flag(key: tuple[str, str]) -> str:
    return key[1] if key[0] == "server" else "-".join(key)


def _explained(error: ValidationError, layer: Layer) -> ConfigError:
    first = error.errors(include_input=False, include_url=False)[0]
    where = tuple(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return ConfigError(f"{_origin_of(where, layer)}: {message[:1].lower()}{message[1:]}")


def _origin_of(where: tuple[str, ...], layer: Layer) -> str:
    for length in range(len(where), 0, -1):
        if (entry := layer.get(where[:length])) is not None:
            return entry.origin
    return next((entry.origin for key, entry in layer.items() if key[: len(where)] == where), ".".join(where))


_MEANT_ZEROS: Final = ((0, "memory_bytes"),)
"""Zeros that have a meaning of their own, which the field's documentation gives."""


def _check_numbers(settings: Settings, layer: Layer) -> None:
    """Ceilings and intervals of zero would stop the service in ways nobody would understand."""
    for section in ("limits", "timeouts", "token_cache"):
        values = getattr(settings, section)
        for field in dataclasses.fields(values):
            value = getattr(values, field.name)
            if not 0 < value < 2**53 and (value, field.name) not in _MEANT_ZEROS:
                raise ConfigError(f"{_origin_of((section, field.name), layer)}: must be greater than zero")
    if settings.limits.log_body_bytes > bounds.LOG_BODY_BYTES:
        raise ConfigError(
            f"{_origin_of(('limits', 'log_body_bytes'), layer)}: must not be greater than {bounds.LOG_BODY_BYTES}"
        )
    if settings.token_cache.refresh_ahead > 1:
        raise ConfigError(f"{_origin_of(('token_cache', 'refresh_ahead'), layer)}: must not be greater than 1")


def data_dir_from(flag: str, environ: Mapping[str, str]) -> Path:
    """Where keys and store live: --data-dir, else systemd's StateDirectory=, else the user's own folder."""
    # systemd separates several folders by colons; ours is the first.
    state = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(flag or state or "~/.local/share/gateway").expanduser().absolute()


def check_files(settings: Settings, environ: Mapping[str, str]) -> str:
    """Read every file that the settings name: the bootstrap token, if one is given. Raises ConfigError; leaves no trace."""
    _check_tls(settings.server)
    return _bootstrap_token(settings.bootstrap.token_file, environ.get("CREDENTIALS_DIRECTORY", ""))


def load(settings: Settings, data_dir: Path, environ: Mapping[str, str], runtime_dir: Path) -> ServiceConfig:
    """Prepare the data folder and its keys, and turn the settings into what the processes are told."""
    bootstrap_token = check_files(settings, environ)
    private_folder(data_dir)
    store_url = settings.store.url or f"sqlite:///{data_dir / STORE_NAME}"
    credentials = environ.get("CREDENTIALS_DIRECTORY", "")
    made = expects_new_store(data_dir, store_url)
    (pepper, *older_peppers), (master_key, *older) = (
        keys_from(name, data_dir, credentials, make=made) for name in ("pepper", "master-key")
    )
    if not made:
        require_store(data_dir, store_url)
    workers = settings.server.workers or len(os.sched_getaffinity(0))
    socket_path = str(runtime_dir / _SOCKET_NAME)
    control = ControlConfig(
        control_socket=socket_path,
        ops_listen=settings.ops.listen,
        ops_hosts=_names(settings.ops.hosts, (settings.ops.listen,) if settings.ops.listen else (), settings.server.public_url),
        store_url=store_url,
        data_dir=str(data_dir),
        pepper=pepper,
        older_peppers=tuple(older_peppers),
        master_key=master_key,
        older_master_keys=tuple(older),
        account_id=settings.bootstrap.account_id,
        bootstrap_token=bootstrap_token,
        bootstrap_hours=settings.bootstrap.hours,
        bootstrap_stays=settings.bootstrap.stays,
        public_url=settings.server.public_url or own_origin(settings.server, settings.server.listen),
        dashboard_url=dashboard_origin(settings) if settings.admin.listen else "",
        workers=workers,
        header_bytes=settings.limits.header_bytes,
        log_body_bytes=settings.limits.log_body_bytes,
        unauthenticated_log_bytes=settings.limits.unauthenticated_log_bytes,
        access_log_share=settings.log.access,
        audit_keep_days=settings.audit.keep_days,
        allow_private_custom=settings.upstream.allow_private_custom,
    )
    return ServiceConfig(
        edge=_edge(settings, socket_path, (pepper, *older_peppers)),
        control=control,
        workers=workers,
        log_level=settings.log.level,
        data_dir=data_dir,
        public_url=settings.server.public_url,
        dashboard_url=dashboard_origin(settings),
    )


def _edge(settings: Settings, socket_path: str, peppers: tuple[bytes, ...]) -> EdgeConfig:
    return EdgeConfig(
        listen=settings.server.listen,
        admin_listen=settings.admin.listen,
        hosts=settings.server.hosts,
        admin_hosts=_names(settings.admin.hosts, settings.admin.listen, settings.admin.url),
        control_socket=socket_path,
        pepper=peppers[0],
        older_peppers=peppers[1:],
        tls_certificate=settings.server.tls_certificate,
        tls_key=settings.server.tls_key,
        trusted_proxies=settings.server.trusted_proxies,
        cors_origins=settings.server.cors_origins,
        server_timing=settings.server.timing,
        ca_bundle=settings.upstream.ca_bundle,
        allow_private_custom=settings.upstream.allow_private_custom,
        limits=settings.limits,
        timeouts=settings.timeouts,
        token_cache=settings.token_cache,
        providers={slug: ProviderOverride(**dict(section)) for slug, section in settings.providers.items()},
    )


def _check_tls(server: ServerSection) -> None:
    """Files that a worker could not use are refused before one is started with them."""
    if bool(server.tls_certificate) != bool(server.tls_key):
        raise ConfigError("server.tls_certificate and server.tls_key: one without the other is of no use")
    if server.tls_key:
        server_context(server.tls_certificate, server.tls_key)


def local_origin(host: str, port: int) -> str:
    """What a client on this machine calls a listening address by."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _names(hosts: tuple[str, ...], listen: tuple[str, ...], url: str) -> tuple[str, ...]:
    """The host names that were set, and those that the other settings imply."""
    return (*hosts, *(split_address(address)[0] for address in listen), urlsplit(url).hostname or "")


def dashboard_origin(settings: Settings) -> str:
    """Where browsers find the dashboard, and the command line the management API."""
    if settings.admin.listen:
        return settings.admin.url or own_origin(settings.server, settings.admin.listen)
    return settings.server.public_url or own_origin(settings.server, settings.server.listen)


def own_origin(server: ServerSection, listen: tuple[str, ...]) -> str:
    origin = local_origin(*split_address(listen[0]))
    return origin.replace("http:", "https:", 1) if server.tls_key else origin


def _bootstrap_token(token_file: str, credentials_dir: str) -> str:
    path = Path(token_file) if token_file else Path(credentials_dir or "/nonexistent") / "bootstrap-token"
    if not token_file and not path.exists():
        return ""
    token = read_secret(path, credential=not token_file)
    if not well_formed(token):
        raise ConfigError(f"{path}: does not hold a token of this gateway")
    return token


def runtime_dir_from(environ: Mapping[str, str]) -> Path:
    """Where control's unix socket lives: systemd's RuntimeDirectory=, else a fresh private folder."""
    given = environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    path = Path(given) if given else Path(tempfile.mkdtemp(prefix="gateway-"))
    if len(str(path / _SOCKET_NAME)) > _SOCKET_PATH_LIMIT:
        raise ConfigError(f"{path}: too long a path for a unix socket; set RUNTIME_DIRECTORY or TMPDIR to a shorter one")
    return path
