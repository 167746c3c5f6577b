#!/usr/bin/env bash
# Check the environment and install just this component.
# Options are those of ../deploy.sh: --dry-run, --yes, --context NAME, --no-wait, --retries N and so on.
set -euo pipefail

here=$(CDPATH="" cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
exec "$here/../deploy.sh" --only "$(basename "$here")" "$@"
