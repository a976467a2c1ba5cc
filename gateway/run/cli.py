"""The command line. Errors are one line on stderr: exit code 2 for usage and configuration, 1 for everything else."""

import argparse
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from gateway import __version__
from gateway.run import keys, tokens
from gateway.run.client import ApiError, client_from, readiness
from gateway.run.config import (
    ServiceConfig,
    check_files,
    data_dir_from,
    load,
    local_origin,
    own_origin,
    read_settings,
    runtime_dir_from,
)
from gateway.run.core_files import forbid_core_files
from gateway.run.data_lock import only_service
from gateway.run.keyfiles import private_folder
from gateway.run.layers import ConfigError
from gateway.run.listening import Listeners
from gateway.run.new_store import allow_new_store
from gateway.run.systemd import Notifier, inherited_sockets, notifier_from
from gateway.run.values import split_address
from gateway.telemetry import logging as json_logging


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    try:
        return int(given.run(given))
    except ConfigError as error:
        _complain(str(error))
        return 2
    except ApiError as error:
        _complain(str(error))
        return 1
    except BrokenPipeError:
        # The reader of a pipe left; nothing is wrong with us.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def _complain(text: str) -> None:
    print(f"gateway: {text}", file=sys.stderr, flush=True)


# --- serve


def _serve(given: argparse.Namespace) -> int:
    forbid_core_files()
    environ = os.environ
    settings = read_settings(given.config, environ, _flags(given))
    data_dir = data_dir_from(given.data_dir, environ)
    runtime_dir = runtime_dir_from(environ)
    own_runtime_dir = not environ.get("RUNTIME_DIRECTORY")
    notifier = notifier_from(environ)
    listeners = Listeners(*inherited_sockets(environ))
    try:
        check_files(settings, environ)  # before anything is made
        private_folder(data_dir)
        with only_service(data_dir):
            if given.new_store:
                allow_new_store(data_dir)
            config = load(settings, data_dir, environ, runtime_dir)
            json_logging.configure(config.log_level)
            listeners.open(config.edge.listen, config.edge.admin_listen)
            if given.single_process:
                return _serve_single(config, listeners, notifier)
            return _supervise(given, config, listeners, notifier)
    finally:
        listeners.close()
        if own_runtime_dir:
            shutil.rmtree(runtime_dir, ignore_errors=True)


def _flags(given: argparse.Namespace) -> dict[tuple[str, str], Any]:
    values = {
        ("server", "listen"): given.listen,
        # Control counts the edges it waits for: in one process there is one.
        ("server", "workers"): 1 if given.single_process else given.workers,
        ("ops", "listen"): given.ops_listen,
    }
    return {key: value for key, value in values.items() if value is not None}


def _supervise(given: argparse.Namespace, config: ServiceConfig, listeners: Listeners, notifier: Notifier) -> int:
    from gateway.run.supervisor import Supervisor

    # The children check aiohttp's parser: loading it here would only make this process larger.
    def reload() -> ServiceConfig:
        settings = read_settings(given.config, os.environ, _flags(given))
        return load(settings, config.data_dir, os.environ, Path(config.edge.control_socket).parent)

    return Supervisor(config, reload=reload, listeners=listeners, notifier=notifier, say=_complain).run()


def _serve_single(config: ServiceConfig, listeners: Listeners, notifier: Notifier) -> int:
    from gateway.run.single import serve_single
    from gateway.run.worker import reason_of, require_c_parser, run_loop

    require_c_parser()
    try:
        run_loop(serve_single(config, listeners, notifier))
    except (OSError, ValueError, ImportError) as error:
        _complain(f"cannot start: {reason_of('gateway', error)}")
        return 1
    return 0


def _check_config(given: argparse.Namespace) -> int:
    settings = read_settings(given.config, os.environ, {})
    check_files(settings, os.environ)
    listen = ", ".join(settings.server.listen)
    admin = f", admin on {', '.join(settings.admin.listen)}" if settings.admin.listen else ""
    print(f"configuration is good: listens on {listen}{admin}, ops on {settings.ops.listen or 'nothing'}")
    return 0


def _doctor(given: argparse.Namespace) -> int:
    from gateway.run.doctor import examine, told
    from gateway.run.doctor_running import examine_running

    settings = read_settings(given.config, os.environ, {})
    data_dir = data_dir_from(given.data_dir, os.environ)
    credentials = os.environ.get("CREDENTIALS_DIRECTORY", "")
    findings = examine(settings, data_dir, credentials, canaries=not given.quick)
    return told(chain(findings, examine_running(settings, data_dir)), lambda line: print(line, flush=True))


# --- a running service


def _health(given: argparse.Namespace) -> int:
    settings = read_settings(given.config, os.environ, {})
    ready, state = readiness(local_origin(*split_address(settings.ops.listen or settings.server.listen[0])))
    print(state)
    return 0 if ready else 1


def _token(given: argparse.Namespace) -> int:
    given.action(_client(given), given)
    return 0


def _keys(given: argparse.Namespace) -> int:
    data_dir = data_dir_from(given.data_dir, os.environ)
    if given.action is keys.rotate:
        keys.rotate(given, data_dir)
    else:
        given.action(given, _client(given), data_dir)
    return 0


def _environment(given: argparse.Namespace) -> int:
    tokens.environment(_client(given), given)
    return 0


def _client(given: argparse.Namespace) -> Any:
    environ: Mapping[str, str] = os.environ
    url = given.url or environ.get("GATEWAY_URL", "")
    if url:
        return client_from(url, given.token_file, data_dir_from(given.data_dir, environ), environ)
    settings = read_settings("", environ, {})
    url = own_origin(settings.server, settings.admin.listen or settings.server.listen)
    client = client_from(url, given.token_file, data_dir_from(given.data_dir, environ), environ)
    if settings.admin.listen:
        client.gateway_url = settings.server.public_url or own_origin(settings.server, settings.server.listen)
    return client


def _version(given: argparse.Namespace) -> int:
    print(f"gateway {__version__}")
    return 0


def _demo(given: argparse.Namespace) -> int:
    from gateway.run.demo import demo

    return demo(port=given.port, once=given.once)


# --- arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gateway", description="Authenticated Gateway: a self-hosted LLM edge proxy.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="run the service")
    serve.set_defaults(run=_serve)
    _config_flags(serve)
    serve.add_argument("--data-dir", default="", metavar="DIR", help="keys and store (default: ~/.local/share/gateway)")
    serve.add_argument("--listen", action="append", metavar="HOST:PORT", help="public address; may be repeated")
    serve.add_argument("--ops-listen", metavar="HOST:PORT", help="address of /livez, /readyz and /metrics; empty for none")
    serve.add_argument("--workers", type=int, metavar="N", help="edge processes; 0 for one per core")
    serve.add_argument("--new-store", action="store_true", help="begin a new store though the keys of an earlier one are there")
    serve.add_argument("--single-process", action="store_true", help="everything in one process: development, tiny hosts")

    check = commands.add_parser("check-config", help="check the configuration and say what is wrong with it")
    check.set_defaults(run=_check_config)
    _config_flags(check)

    doctor = commands.add_parser("doctor", help="say what is wrong with this installation; exit code 1 when something is")
    doctor.set_defaults(run=_doctor)
    _config_flags(doctor)
    doctor.add_argument("--data-dir", default="", metavar="DIR", help="keys and store (default: ~/.local/share/gateway)")
    doctor.add_argument("--quick", action="store_true", help="without the leak test, which starts a service of its own")

    health = commands.add_parser("health", help="ask the service on this machine whether it is ready; exit code 1 when not")
    health.set_defaults(run=_health)
    _config_flags(health)

    _add_token_commands(commands)
    _add_key_commands(commands)

    environment = commands.add_parser("env", help="print exports of variables and base URLs for SDKs, ready for eval")
    environment.add_argument("--check", action="store_true", help="print nothing to paste; try $AIG_TOKEN instead")
    environment.set_defaults(run=_environment)
    environment.add_argument("--gateway", default="", metavar="ID", help="for the native URLs (default: default)")
    _client_flags(environment)

    commands.add_parser("version", help="print the version").set_defaults(run=_version)

    demo = commands.add_parser("demo", help="run everything with a built-in mock provider and print commands to try")
    demo.set_defaults(run=_demo)
    demo.add_argument("--port", type=int, default=0, help="public port (default: a free one)")
    demo.add_argument("--once", action="store_true", help="send one request of each kind to itself and exit")
    return parser


def _config_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", default="", metavar="FILE", help="TOML configuration")


def _client_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--url", default="", help="the running service (default: $GATEWAY_URL, or where the configuration has it listen)"
    )
    parser.add_argument("--token-file", default="", metavar="FILE", help="API token (default: $GATEWAY_API_TOKEN or the first)")
    parser.add_argument("--data-dir", default="", metavar="DIR", help="where the first API token's file is")
    parser.add_argument("--account", default="", metavar="ID", help="account (default: the first the token reaches)")


def _add_token_commands(commands: Any) -> None:
    token = commands.add_parser("token", help="create, list, revoke and roll API tokens").add_subparsers(
        required=True, metavar="ACTION"
    )
    create = token.add_parser("create", help="make a token and print its value, this once")
    create.add_argument("name")
    create.add_argument("--permission", action="append", default=[], help="run (default), read, edit, all, or a full name")
    create.add_argument("--gateway", action="append", default=[], metavar="ID", help="limit it to this gateway; repeatable")
    create.add_argument("--expires-on", default="", metavar="TIME", help="like 2030-01-31T00:00:00Z")
    create.add_argument("--lasting", action="store_true", help="it goes on when the token it is made with ends")
    listing = token.add_parser("list", help="show the tokens, without values")
    listing.add_argument("--json", action="store_true")
    revoke = token.add_parser("revoke", help="end a token on every worker at once")
    revoke.add_argument("id")
    roll = token.add_parser("roll", help="give a token a new value; the old one ends")
    roll.add_argument("id")
    actions = ((create, tokens.create), (listing, tokens.list_all), (revoke, tokens.revoke), (roll, tokens.roll))
    for parser, action in actions:
        parser.set_defaults(run=_token, action=action)
        _client_flags(parser)


def _add_key_commands(commands: Any) -> None:
    group = commands.add_parser("keys", help="rotate, list and retire the service's own keys").add_subparsers(
        required=True, metavar="ACTION"
    )
    listing = group.add_parser("list", help="show the keys' ids and what depends on them")
    rotate = group.add_parser("rotate", help="make a new key; what depends on the older ones goes on working")
    retire = group.add_parser("retire", help="take out an older key that nothing depends on any more")
    for parser, action in ((listing, keys.list_all), (rotate, keys.rotate), (retire, keys.retire)):
        parser.add_argument("kind", choices=keys.KINDS)
        parser.set_defaults(run=_keys, action=action)
        _client_flags(parser)
    rotate.add_argument("--until", default="", metavar="TIME", help="when older peppers may be retired in any case")
    retire.add_argument("id", help="of the key, as the list shows it")
