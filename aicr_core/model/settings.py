"""Settings of one invocation: what came from the environment and the global options, frozen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Mapping

TRUE_WORDS = ("1", "t", "T", "TRUE", "true", "True")
SYSTEM_POLICY = "/etc/aicr/plugins.toml"
_FALSE = ("", "0", "f", "F", "FALSE", "false", "False")


class Settings(NamedTuple):
    """What every layer may ask about the invocation; nothing reads ``os.environ`` besides this."""

    env: Mapping[str, str]
    only: frozenset[str] | None = None
    """Load just these plugins (``AICR_PLUGINS``)."""
    disabled: frozenset[str] = frozenset()
    """Never load these (``AICR_DISABLE_PLUGINS``, ``--no-plugin``)."""
    debug: bool = False
    """Show tracebacks (``--debug``, ``AICR_DEBUG``)."""
    log_json: bool = False
    """One JSON object for each line on standard error (``--log-json``, ``AICR_LOG_JSON``)."""
    criteria_strict: bool = False
    """Take no criteria values from ``--data`` (``AICR_CRITERIA_STRICT``)."""
    tested: str = ""
    """The plugin that the conformance kit looks at: no policy can ask for the report which is being made."""

    @classmethod
    def from_env(
        cls,
        env: Mapping[str, str],
        *,
        no_plugin: tuple[str, ...] = (),
        debug: bool = False,
        log_json: bool = False,
    ) -> Settings:
        """Read the AICR_* variables of ``env``; options add to them.

        Raises AicrError(INVALID_REQUEST) for a switch that is neither true nor false.
        """
        only = _names(env.get("AICR_PLUGINS", ""))
        return cls(
            env=env,
            only=frozenset(only) if only else None,
            disabled=frozenset(_names(env.get("AICR_DISABLE_PLUGINS", ""))) | frozenset(no_plugin),
            debug=_switch(env, "AICR_DEBUG") or debug,
            log_json=_switch(env, "AICR_LOG_JSON") or log_json,
            criteria_strict=_switch(env, "AICR_CRITERIA_STRICT", words=True),
        )

    @property
    def config_dir(self) -> str:
        """Folder of the user's configuration."""
        base = self.env.get("XDG_CONFIG_HOME") or f"{self.env.get('HOME', '')}/.config"
        return f"{base}/aicr"

    @property
    def policy_path(self) -> str:
        """Where ``plugins enable|disable`` keeps what it was told."""
        return f"{self.config_dir}/plugins.toml"

    @property
    def policy_paths(self) -> tuple[str, ...]:
        """All policy files, the system's first; each of them has to agree to a plugin.

        ``AICR_SYSTEM_POLICY`` names one more: whoever sets it can add to the system's, and not replace it.
        """
        more = self.env.get("AICR_SYSTEM_POLICY", "")
        return tuple(dict.fromkeys(filter(None, (SYSTEM_POLICY, more, self.policy_path))))

    @property
    def data_dir(self) -> str:
        """Folder of what is kept for the user between invocations, such as conformance reports."""
        base = self.env.get("XDG_DATA_HOME") or f"{self.env.get('HOME', '')}/.local/share"
        return f"{base}/aicr"

    @property
    def reports_dir(self) -> str:
        """Folder of conformance reports, one JSON file for each plugin."""
        return f"{self.data_dir}/conformance"

    @property
    def cache_dir(self) -> str:
        """Folder of the plugin index."""
        own = self.env.get("AICR_INDEX_DIR")
        base = self.env.get("XDG_CACHE_HOME") or f"{self.env.get('HOME', '')}/.cache"
        return own or f"{base}/aicr"


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _switch(env: Mapping[str, str], name: str, *, words: bool = False) -> bool:
    """Read a boolean variable by the reference's grammar; ``words``: yes, no, on, off as well."""
    text = env.get(name, "")
    if text in TRUE_WORDS or (words and text.lower() in ("true", "yes", "on")):
        return True
    if text in _FALSE or (words and text.lower() in ("false", "no", "off")):
        return False
    raise AicrError(
        Code.INVALID_REQUEST, f'"{text}" is neither true nor false', where=name, hint="set 1 or 0"
    )
