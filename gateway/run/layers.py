"""Where configuration comes from: flat layers of TOML, environment and flags, each value with the name of its origin.

Keys are tuples, `("server", "listen")` or `("providers", slug, "base_url")`. Unknown keys are refused here, where the file
or variable is known.
"""

import difflib
import logging
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_log = logging.getLogger("gateway.run")

Key = tuple[str, ...]


class ConfigError(Exception):
    """The service cannot run like this; the text is one line for the operator and repeats no secret."""


@dataclass(frozen=True, slots=True)
class Entry:
    value: Any
    origin: str
    """What to show the operator: file and key, variable, or flag."""


Layer = dict[Key, Entry]

_PREFIX: Final = "GATEWAY_"
_JOINT: Final = "__"
"""Between section and key. Names without it belong to others: Kubernetes and Docker put GATEWAY_PORT, GATEWAY_NAME and the
like beside every container called `gateway`, and GATEWAY_URL is the command line's."""
_NEAR_MISS: Final = 0.9


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What may be set: section → keys; of a provider its keys and the lookup that knows its slug."""

    sections: Mapping[str, tuple[str, ...]]
    provider_keys: tuple[str, ...]
    provider_slug: Callable[[str], str | None]
    """Canonical slug for a slug or alias; None for an unknown one."""
    provider_slugs: tuple[str, ...]

    def variables(self) -> Iterable[str]:
        """The environment variable of every setting."""
        for section, keys in self.sections.items():
            yield from (_variable((section, key)) for key in keys)
        for slug in self.provider_slugs:
            yield from (_variable(("providers", slug, key)) for key in self.provider_keys)

    def resolve(self, key: Key, show: Callable[[Key], str]) -> Key:
        """The key in canonical form. Raises ConfigError that names the nearest valid one, spelt by `show`."""
        section, *rest = key
        if section == "providers":
            return self._resolve_provider(rest, show)
        if section not in self.sections:
            raise _unknown(show(key), section, (*self.sections, "providers"), lambda name: show((name, *rest)))
        if len(rest) != 1 or rest[0] not in self.sections[section]:
            raise _unknown(show(key), ".".join(rest), self.sections[section], lambda name: show((section, name)))
        return key

    def _resolve_provider(self, rest: list[str], show: Callable[[Key], str]) -> Key:
        shown = show(("providers", *rest))
        slug = self.provider_slug(rest[0]) if rest else None
        if slug is None:
            name = rest[0] if rest else ""
            raise _unknown(shown, name, self.provider_slugs, lambda near: show(("providers", near, *rest[1:])))
        if len(rest) != 2 or rest[1] not in self.provider_keys:
            name = ".".join(rest[1:])
            raise _unknown(shown, name, self.provider_keys, lambda near: show(("providers", rest[0], near)))
        return ("providers", slug, rest[1])


def _unknown(shown: str, name: str, valid: Iterable[str], show: Callable[[str], str]) -> ConfigError:
    candidates = list(valid)
    near = difflib.get_close_matches(name, candidates, n=1, cutoff=0.5)
    hint = f"; did you mean {show(near[0])}?" if near else f"; valid here: {', '.join(sorted(candidates))}"
    return ConfigError(f"unknown setting {shown}{hint}")


def read_toml(path: str, vocabulary: Vocabulary) -> Layer:
    try:
        # Editors on Windows begin files with a byte order mark, which TOML does not allow for.
        tree = tomllib.loads(Path(path).read_text("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # The message of the decoder gives line and column, not the text.
        raise ConfigError(f"{path}: is not valid TOML ({error})") from None
    layer: Layer = {}
    for key, value in _leaves(tree):
        resolved = vocabulary.resolve(key, lambda shown: f"{path}: {'.'.join(shown)}")
        layer[resolved] = Entry(value, f"{path}: {'.'.join(key)}")
    return layer


def _leaves(tree: Mapping[str, Any], at: Key = ()) -> Iterable[tuple[Key, Any]]:
    for name, value in tree.items():
        key = (*at, name)
        if isinstance(value, dict) and value:
            yield from _leaves(value, key)
        elif not (isinstance(value, dict) and len(key) == 1):
            yield key, value


def read_environment(environ: Mapping[str, str], vocabulary: Vocabulary) -> Layer:
    """Settings are `GATEWAY_SECTION__KEY`; anything else is left alone, with a warning where it looks like one."""
    layer: Layer = {}
    for variable, value in sorted(environ.items()):
        if not variable.startswith(_PREFIX):
            continue
        if _JOINT in variable:
            layer[vocabulary.resolve(_variable_key(variable), _variable)] = Entry(value, variable)
        elif meant := _near_miss(variable, vocabulary):
            _log.warning("%s is no setting and is ignored; did you mean %s?", variable, meant)
    return layer


def _near_miss(variable: str, vocabulary: Vocabulary) -> str:
    """The setting whose variable this nearly is, but for the joint; empty for none."""
    meant = {setting.replace(_JOINT, "_"): setting for setting in vocabulary.variables()}
    near = difflib.get_close_matches(variable, meant, n=1, cutoff=_NEAR_MISS)
    return meant[near[0]] if near else ""


def _variable_key(variable: str) -> Key:
    parts = variable.removeprefix(_PREFIX).lower().split(_JOINT)
    if parts[0] == "providers" and len(parts) > 1:
        parts[1] = parts[1].replace("_", "-")
    return tuple(parts)


def _variable(key: Key) -> str:
    return _PREFIX + _JOINT.join(part.replace("-", "_") for part in key).upper()


def nest(layer: Layer) -> dict[str, Any]:
    """The flat layer as the tree it stands for."""
    tree: dict[str, Any] = {}
    for key, entry in layer.items():
        node = tree
        for part in key[:-1]:
            node = node.setdefault(part, {})
        node[key[-1]] = entry.value
    return tree
