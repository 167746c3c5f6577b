#!/usr/bin/env bash
# Install every component of this bundle, in order. Nothing is changed before all checks have passed.
set -euo pipefail

BUNDLE=$(CDPATH="" cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
. "$BUNDLE/lib.sh"

usage() {
  cat <<'TEXT'
Usage: ./deploy.sh [options]

  --dry-run            print the commands, change nothing
  --yes, -y            do not ask
  --list               list the components and stop
  --only NAME[,NAME]   these components only
  --from NAME          start at this component (after an interruption)
  --skip NAME[,NAME]   leave these components out
  --context NAME       kubeconfig context
  --kubeconfig FILE    kubeconfig file
  --cluster-values DIR values of this cluster, DIR/COMPONENT.yaml, for what the bundle leaves open
  --no-wait            do not wait for releases to become ready
  --timeout DURATION   how long Helm waits for one release (default 10m)
  --retries N          further attempts for each operation (default 5)
  --best-effort        go on after a failure; exit 1 at the end if there was one
  --no-preflight       skip the checks of the cluster
  --help, -h           this text
TEXT
}

ASSUME_YES=0 BEST_EFFORT=0 LIST=0 PREFLIGHT=1 WAIT=1 ONLY="" FROM="" SKIP=""
while [ $# -gt 0 ]; do
  # What an interruption tells to type keeps the options, but for where to start.
  case $1 in
    --from) ;;
    --only | --skip | --context | --kubeconfig | --cluster-values | --timeout | --retries) RESUME+=("$1" "${2:-}") ;;
    *) RESUME+=("$1") ;;
  esac
  case $1 in
    --dry-run) DRY_RUN=1 ;;
    --yes | -y) ASSUME_YES=1 ;;
    --list) LIST=1 ;;
    --only) value "$1" $# && ONLY=",$2," && shift ;;
    --from) value "$1" $# && FROM=$2 && shift ;;
    --skip) value "$1" $# && SKIP=",$2," && shift ;;
    --context)
      value "$1" $# && CONTEXT=$2 && shift
      HELM_FLAGS+=(--kube-context "$CONTEXT")
      KUBECTL_FLAGS+=(--context "$CONTEXT")
      ;;
    --kubeconfig)
      value "$1" $#
      HELM_FLAGS+=(--kubeconfig "$2")
      KUBECTL_FLAGS+=(--kubeconfig "$2")
      shift
      ;;
    --cluster-values)
      value "$1" $#
      # Commands run from another folder.
      CLUSTER_VALUES=$(CDPATH="" cd -- "$2" 2>/dev/null && pwd) || die "--cluster-values: $2 is no directory"
      shift
      ;;
    --no-wait) WAIT=0 ;;
    --timeout) duration "$1" "${2:-}" && WAIT_FLAGS=(--wait --timeout "$2") && shift ;;
    --retries) number "$1" "${2:-}" && RETRIES=$2 && shift ;;
    --best-effort) BEST_EFFORT=1 ;;
    --no-preflight) PREFLIGHT=0 ;;
    --help | -h) usage && exit 0 ;;
    *) die "unknown option \"$1\" (see --help)" ;;
  esac
  shift
done

[ "$WAIT" = 1 ] || WAIT_FLAGS=()
load_releases
# A misspelt name must not install what was to be left out.
known_names "$ONLY,$SKIP,$FROM"
if [ "$LIST" = 1 ]; then list_releases && exit 0; fi

chosen=()
started=1
[ -z "$FROM" ] || started=0
for line in "${RELEASES[@]}"; do
  read_release "$line"
  [ "$R_NAME" != "$FROM" ] || started=1
  [ "$started" = 1 ] || continue
  case $SKIP in *",$R_NAME,"*) continue ;; esac
  if [ -n "$ONLY" ]; then case $ONLY in *",$R_NAME,"*) ;; *) continue ;; esac fi
  chosen+=("$line")
done
[ ${#chosen[@]} -gt 0 ] || die "no component is left to install"
RELEASES=("${chosen[@]}")
check_cluster_values

make_work
if [ "$DRY_RUN" = 0 ]; then
  check_tools
  check_cluster
  START_CONTEXT=$(context_name)
  [ "$PREFLIGHT" = 0 ] || preflight
  say "To be installed in $START_CONTEXT, in this order:"
  list_releases | sed 's/^/  /'
  confirm "Go on?" || die "stopped, nothing was changed"
fi

failed=""
position=0
for line in "${RELEASES[@]}"; do
  position=$((position + 1))
  read_release "$line"
  CURRENT=$R_NAME
  say "[$position/${#RELEASES[@]}] $R_NAME"
  [ "$DRY_RUN" = 1 ] || same_context
  if ! install_release "$line"; then
    failed="$failed $CURRENT"
    if [ "$BEST_EFFORT" = 0 ]; then
      die "$CURRENT failed; $(how_to_go_on)"
    fi
    warn "$CURRENT failed; going on"
  fi
done
CURRENT=""
[ -z "$failed" ] || die "failed:$failed; the other components are installed"
if [ "$DRY_RUN" = 1 ]; then say "Dry run: nothing was changed."; else say "All ${#RELEASES[@]} components are installed."; fi
