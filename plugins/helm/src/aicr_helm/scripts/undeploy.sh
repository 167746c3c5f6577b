#!/usr/bin/env bash
# Remove what this bundle installed, in reverse order. Only what the bundle owns is touched: its releases, the
# objects of its manifests, and its namespaces when no other release is left in them.
set -euo pipefail

BUNDLE=$(CDPATH="" cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
. "$BUNDLE/lib.sh"

usage() {
  cat <<'TEXT'
Usage: ./undeploy.sh [options]

  --dry-run                print the commands, change nothing (the default without a terminal and --yes)
  --yes, -y                do not ask
  --keep-namespaces        do not delete namespaces
  --delete-pvcs            delete the persistent volume claims of the namespaces: their data is lost
  --delete-crds            delete the definitions the components leave behind, and every object of them
  --force-finalizers NS    strip the finalizers of what keeps namespace NS from going (repeatable)
  --timeout SECONDS        how long Helm waits for one uninstall (default 120)
  --context NAME           kubeconfig context
  --kubeconfig FILE        kubeconfig file
  --help, -h               this text
TEXT
}

ASSUME_YES=0 KEEP_NAMESPACES=0 DELETE_PVCS=0 DELETE_CRDS=0 TIMEOUT=120 FORCED=()
# shellcheck disable=SC2034  # lib.sh says it when the script is stopped
GO_ON="run it again: what is gone is passed over"
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) DRY_RUN=1 ;;
    --yes | -y) ASSUME_YES=1 ;;
    --keep-namespaces) KEEP_NAMESPACES=1 ;;
    --delete-pvcs) DELETE_PVCS=1 ;;
    --delete-crds) DELETE_CRDS=1 ;;
    --force-finalizers) value "$1" $# && FORCED+=("$2") && shift ;;
    --timeout) number "$1" "${2:-}" && TIMEOUT=$2 && shift ;;
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
    --help | -h) usage && exit 0 ;;
    *) die "unknown option \"$1\" (see --help)" ;;
  esac
  shift
done

load_releases
namespaces=" $(all_namespaces | tr '\n' ' ')"
for namespace in ${FORCED[@]+"${FORCED[@]}"}; do
  case " $PROTECTED_NAMESPACES " in *" $namespace "*) die "--force-finalizers $namespace: this namespace is the cluster's own" ;; esac
  case $namespaces in *" $namespace "*) ;; *) die "--force-finalizers $namespace: this bundle has only$namespaces" ;; esac
done
make_work
if [ "$DRY_RUN" = 0 ] && [ "$ASSUME_YES" = 0 ] && [ ! -t 0 ]; then
  say "No terminal and no --yes: this is a dry run."
  DRY_RUN=1
fi
if [ "$DRY_RUN" = 0 ]; then
  check_tools
  check_cluster
  START_CONTEXT=$(context_name)
  say "To be removed from $START_CONTEXT, the last one first:"
  list_releases | sed 's/^/  /'
  [ "$KEEP_NAMESPACES" = 1 ] || say "  and the namespaces$namespaces(not where something else is left in them)"
  [ "$DELETE_PVCS" = 0 ] || say "  and every volume claim in them: THEIR DATA IS LOST"
  [ "$DELETE_CRDS" = 0 ] || say "  and definitions the components leave behind, with every object of them"
  confirm "Go on?" || die "stopped, nothing was changed"
fi

problems=""

# remove_release LINE: objects of the manifests first, while their controllers still run.
remove_release() {
  read_release "$1"
  CURRENT=$R_NAME
  if [ "$R_MANIFESTS" = yes ]; then
    mutate kubectl_cmd delete -f "$BUNDLE/$R_NAME/manifests/" --ignore-not-found || problems="$problems $R_NAME(manifests)"
  fi
  case $R_KIND in
    helm)
      mutate helm_cmd uninstall "$R_NAME" -n "$R_NAMESPACE" --timeout "${TIMEOUT}s" --ignore-not-found && return 0
      warn "$R_NAME: uninstall failed; once more without its hooks"
      mutate helm_cmd uninstall "$R_NAME" -n "$R_NAMESPACE" --no-hooks --timeout "${TIMEOUT}s" --ignore-not-found ||
        problems="$problems $R_NAME"
      ;;
    kustomize)
      if [ "$DRY_RUN" = 1 ]; then
        say "  + kustomize build '$(kustomize_source)' |"
        mutate kubectl_cmd delete -n "$R_NAMESPACE" --ignore-not-found -f -
      else
        kustomize build "$(kustomize_source)" | kubectl_cmd delete -n "$R_NAMESPACE" --ignore-not-found -f - ||
          problems="$problems $R_NAME"
      fi
      ;;
  esac
}

# left_in NAME: what a namespace still holds that would be lost with it. Volume claims went before, if they were to.
left_in() {
  local found
  if found=$(kubectl_cmd get deployments,statefulsets,daemonsets,cronjobs,persistentvolumeclaims -n "$1" -o name 2>/dev/null); then
    printf '%s\n' "$found" | grep -F / | tr '\n' ' ' || true
  else
    printf 'what you may not list '
  fi
}

# remove_namespace NAME: unless it is the cluster's own, or something that is not of this bundle lives in it.
remove_namespace() {
  local others attempt
  case " $PROTECTED_NAMESPACES " in *" $1 "*) return 0 ;; esac
  if [ "$DRY_RUN" = 0 ]; then
    kubectl_cmd get namespace "$1" >/dev/null 2>&1 || return 0
    others=$(helm_cmd list -n "$1" -q 2>/dev/null | tr '\n' ' ' || true)
    if [ -n "${others// /}" ]; then
      warn "namespace $1 stays: it holds the releases $others"
      return 0
    fi
    # What an operator made goes a little later than the operator.
    for attempt in 1 2 3 4 5 6; do
      others=$(left_in "$1")
      [ -n "${others// /}" ] || break
      [ "$attempt" = 6 ] || sleep 5
    done
    if [ -n "${others// /}" ]; then
      warn "namespace $1 stays: it holds $others(volume claims go with --delete-pvcs)"
      return 0
    fi
  fi
  mutate kubectl_cmd delete namespace "$1" --ignore-not-found --wait=false || problems="$problems $1"
}

position=${#RELEASES[@]}
while [ "$position" -gt 0 ]; do
  position=$((position - 1))
  read_release "${RELEASES[$position]}"
  say "[$((${#RELEASES[@]} - position))/${#RELEASES[@]}] $R_NAME"
  CURRENT=$R_NAME
  [ "$DRY_RUN" = 1 ] || same_context
  remove_release "${RELEASES[$position]}"
done
CURRENT=""

if [ "$DELETE_CRDS" = 1 ]; then
  for line in "${RELEASES[@]}"; do
    read_release "$line"
    for group in ${R_CRD_GROUPS//,/ }; do
      for definition in $(kubectl_cmd get customresourcedefinitions -o name 2>/dev/null | grep -- "\.${group//./\\.}\$" || true); do
        mutate kubectl_cmd delete "$definition" --ignore-not-found --wait=false || problems="$problems $definition"
      done
    done
  done
fi

# remove_volumes NAME: the claims, and so the data, of a namespace.
remove_volumes() {
  case " $PROTECTED_NAMESPACES " in *" $1 "*) return 0 ;; esac
  mutate kubectl_cmd delete pvc --all -n "$1" --ignore-not-found || problems="$problems $1(pvcs)"
}

done_namespaces=" "
position=${#RELEASES[@]}
while [ "$position" -gt 0 ]; do
  position=$((position - 1))
  read_release "${RELEASES[$position]}"
  [ "$R_KIND" != manifests ] || continue
  case $done_namespaces in *" $R_NAMESPACE "*) continue ;; esac
  done_namespaces="$done_namespaces$R_NAMESPACE "
  [ "$DELETE_PVCS" = 0 ] || remove_volumes "$R_NAMESPACE"
  [ "$KEEP_NAMESPACES" = 1 ] || remove_namespace "$R_NAMESPACE"
done
# What a component made beyond its own namespace goes last.
if [ "$KEEP_NAMESPACES" = 0 ]; then
  for line in "${RELEASES[@]}"; do
    read_release "$line"
    for namespace in ${R_EXTRA_NAMESPACES//,/ }; do remove_namespace "$namespace"; done
  done
fi

# Finalizers are stripped only in namespaces the user names: they may guard things outside the cluster.
for namespace in ${FORCED[@]+"${FORCED[@]}"}; do
  if [ "$(namespace_phase "$namespace")" != Terminating ]; then
    say "namespace $namespace is not terminating: its finalizers stay"
    continue
  fi
  for kind in $(kubectl_cmd api-resources --verbs=list --namespaced -o name 2>/dev/null || true); do
    for object in $(kubectl_cmd get "$kind" -n "$namespace" -o name 2>/dev/null || true); do
      mutate kubectl_cmd patch "$object" -n "$namespace" --type=merge -p '{"metadata":{"finalizers":null}}' || true
    done
  done
done

[ -z "$problems" ] || die "not removed:$problems"
if [ "$DRY_RUN" = 1 ]; then say "Dry run: nothing was changed."; else say "All components are removed."; fi
