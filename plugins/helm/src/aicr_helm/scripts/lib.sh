# shellcheck shell=bash
# Functions shared by deploy.sh, undeploy.sh and install.sh. The same bytes in every bundle: what differs between
# bundles is read from releases.tsv. Works with bash 3.2 and later, Helm 3 and 4.

HELM_WAIT_TIMEOUT=10m
# shellcheck disable=SC2034  # used by undeploy.sh
PROTECTED_NAMESPACES="kube-system kube-public kube-node-lease default"

DRY_RUN=0
RETRIES=5
CURRENT=""
CONTEXT=""
GO_ON=""
CLUSTER_VALUES=""
RESUME=()
NEEDS=()
HELM_FLAGS=()
KUBECTL_FLAGS=()
WAIT_FLAGS=(--wait --timeout "$HELM_WAIT_TIMEOUT")

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

helm_cmd() { helm "$@" ${HELM_FLAGS[@]+"${HELM_FLAGS[@]}"}; }
kubectl_cmd() { kubectl ${KUBECTL_FLAGS[@]+"${KUBECTL_FLAGS[@]}"} "$@"; }

# Print a command so that it can be copied into a shell.
show() {
  local word line=""
  for word in "$@"; do line="$line $(printf '%q' "$word")"; done
  printf '  +%s\n' "$line"
}

# Run a command that changes the cluster, or print it in a dry run.
mutate() {
  if [ "$DRY_RUN" = 1 ]; then
    case $1 in
      helm_cmd) shift && show helm "$@" ${HELM_FLAGS[@]+"${HELM_FLAGS[@]}"} ;;
      kubectl_cmd) shift && show kubectl ${KUBECTL_FLAGS[@]+"${KUBECTL_FLAGS[@]}"} "$@" ;;
      *) show "$@" ;;
    esac
    return 0
  fi
  "$@"
}

# read_release LINE: set the R_* variables from one line of releases.tsv; "-" stands for empty.
# shellcheck disable=SC2034  # undeploy.sh reads what deploy.sh does not
read_release() {
  IFS=$'\t' read -r R_NAME R_KIND R_NAMESPACE R_REPOSITORY R_CHART R_VERSION R_TAG R_PATH R_WAIT R_MANIFESTS \
    R_CRD_GROUPS R_EXTRA_NAMESPACES R_RESTART R_ARCHIVE <<<"$1"
  local name
  for name in R_NAMESPACE R_REPOSITORY R_CHART R_VERSION R_TAG R_PATH R_CRD_GROUPS R_EXTRA_NAMESPACES R_RESTART R_ARCHIVE; do
    if [ "${!name}" = - ]; then printf -v "$name" '%s' ""; fi
  done
}

# Fill RELEASES with the lines of releases.tsv, in deployment order, and NEEDS with what the cluster has to have.
load_releases() {
  RELEASES=()
  local line
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      '#needs'$'\t'*) NEEDS+=("${line#*$'\t'}") ;;
      '' | '#'*) ;;
      *) RELEASES+=("$line") ;;
    esac
  done <"$BUNDLE/releases.tsv"
  [ ${#RELEASES[@]} -gt 0 ] || die "$BUNDLE/releases.tsv lists no release"
}

# Print one line about each chosen release.
list_releases() {
  local line
  for line in "${RELEASES[@]}"; do
    read_release "$line"
    say "$R_NAME ($R_KIND, ${R_VERSION:-${R_TAG:-no version}}, namespace ${R_NAMESPACE:-as in the manifests})"
  done
}

# known_names NAMES: stop unless each name of the comma-separated list is a component.
known_names() {
  local name
  for name in ${1//,/ }; do release_line "$name" >/dev/null; done
}

# check_cluster_values: stop unless the folder holds a file for each chosen component that asks for values.
check_cluster_values() {
  local line own
  [ -n "$CLUSTER_VALUES" ] || return 0
  for line in "${RELEASES[@]}"; do
    read_release "$line"
    own=$(cluster_values)
    [ -z "$own" ] || [ -f "$own" ] || die "$own is not there: copy $BUNDLE/$R_NAME/cluster-values.yaml and fill it in"
  done
}

# need TOOL...: stop unless every tool is on PATH.
need() {
  local tool missing=""
  for tool in "$@"; do
    command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
  done
  [ -z "$missing" ] || die "not found on PATH:$missing (install it, or mend PATH)"
}

check_tools() {
  local line tools="kubectl"
  for line in "${RELEASES[@]}"; do
    read_release "$line"
    case $R_KIND in
      helm) case " $tools " in *" helm "*) ;; *) tools="$tools helm" ;; esac ;;
      kustomize) case " $tools " in *" kustomize "*) ;; *) tools="$tools kustomize" ;; esac ;;
    esac
  done
  # shellcheck disable=SC2086  # a list of words on purpose
  need $tools
  case " $tools " in *" helm "*) check_helm ;; esac
}

check_helm() {
  local version name
  version=$(helm version --short 2>/dev/null || true)
  case $version in
    v[3-9].* | v[1-9][0-9]*) ;;
    v[012].*) die "helm $version is too old: version 3 or later is needed" ;;
    *) die "helm does not tell its version (helm version --short): is it the Kubernetes package manager?" ;;
  esac
  # Helm follows variables that kubectl does not know, and both have to talk to one cluster.
  for name in HELM_KUBECONTEXT HELM_KUBEAPISERVER HELM_KUBETOKEN; do
    [ -n "${!name:-}" ] || continue
    if [ "$name" != HELM_KUBECONTEXT ] || [ -z "$CONTEXT" ]; then
      die "$name is set, which kubectl does not follow: unset it, and choose the cluster with --context"
    fi
  done
  case $CLUSTER_VALUES in *,*) die "the path $CLUSTER_VALUES has a comma, where helm splits a list of files" ;; esac
  case $BUNDLE in *,*) die "the path $BUNDLE has a comma, where helm splits a list of files: move the bundle" ;; esac
}

check_cluster() {
  local answer
  answer=$(kubectl_cmd get namespaces -o name --request-timeout=15s 2>&1 >/dev/null) && return 0
  [ -z "$answer" ] || printf '%s\n' "$answer" | tail -n 3 >&2
  die "the cluster does not answer (kubectl get namespaces): check the context and your credentials"
}

context_name() {
  if [ -n "${CONTEXT:-}" ]; then
    printf '%s' "$CONTEXT"
  else
    kubectl_cmd config current-context 2>/dev/null || printf 'the default context'
  fi
}

# Another shell may switch the kubeconfig's context half way: stop before the next step goes to another cluster.
same_context() {
  [ "$(context_name)" = "$START_CONTEXT" ] ||
    die "the context changed from $START_CONTEXT to $(context_name): nothing more was done; $(how_to_go_on)"
}

# The command that takes up what was interrupted, with the options of this run.
how_to_go_on() {
  local word
  if [ -n "$GO_ON" ]; then
    printf '%s' "$GO_ON"
    return 0
  fi
  printf 'to go on:'
  for word in "$BUNDLE/deploy.sh" ${RESUME[@]+"${RESUME[@]}"} --from "$CURRENT"; do printf ' %q' "$word"; done
}

# confirm QUESTION: ask on a terminal unless --yes was given; without a terminal the answer is yes.
confirm() {
  local answer
  if [ "$ASSUME_YES" = 1 ] || [ ! -t 0 ]; then return 0; fi
  printf '%s [y/N] ' "$1"
  read -r answer || return 1
  case $answer in y | Y | yes | YES) return 0 ;; *) return 1 ;; esac
}

# Errors that no further attempt will heal.
hopeless() {
  grep -Eiq 'unknown (flag|command|shorthand)|YAML parse error|values don.t meet the specifications|error converting YAML|chart "[^"]*" (version )?.*not found' "$1"
}

# retry COMMAND...: run it up to RETRIES more times; 5 n^2 seconds between, 120 at the most.
retry() {
  local attempt=1 status pause log
  if [ "$DRY_RUN" = 1 ]; then
    "$@"
    return
  fi
  log="$WORK/attempt.log"
  while :; do
    status=0
    "$@" 2>"$log" || status=$?
    cat "$log" >&2
    [ "$status" -ne 0 ] || return 0
    if grep -Eiq 'another operation .* in progress' "$log"; then
      warn "$CURRENT: an earlier run was cut off, or another one is at work; see: helm history $R_NAME -n $R_NAMESPACE"
      warn "if nobody is at work: helm rollback $R_NAME -n $R_NAMESPACE, or helm uninstall if no revision was ever deployed"
      return "$status"
    fi
    if hopeless "$log"; then
      warn "$CURRENT: this error does not heal by waiting"
      return "$status"
    fi
    [ "$attempt" -le "$RETRIES" ] || return "$status"
    pause=$((5 * attempt * attempt))
    [ "$pause" -le 120 ] || pause=120
    warn "$CURRENT: attempt $attempt failed; again in $pause s"
    sleep "$pause"
    attempt=$((attempt + 1))
  done
}

ensure_namespace() {
  if [ "$DRY_RUN" = 1 ]; then
    mutate kubectl_cmd create namespace "$1"
    say "    (unless it exists)"
    return 0
  fi
  kubectl_cmd create namespace "$1" --dry-run=client -o yaml | kubectl_cmd apply -f -
}

apply_manifests() { mutate kubectl_cmd apply -f "$BUNDLE/$R_NAME/manifests/"; }

# Before the chart, some objects may be of kinds the chart brings: only that failure is passed over.
apply_manifests_early() {
  local output status=0 rest
  if [ "$DRY_RUN" = 1 ]; then
    apply_manifests
    return
  fi
  output=$(kubectl_cmd apply -f "$BUNDLE/$R_NAME/manifests/" 2>&1) || status=$?
  [ -z "$output" ] || say "$output"
  [ "$status" -ne 0 ] || return 0
  rest=$(printf '%s\n' "$output" | grep -Eiv 'no matches for kind|ensure CRDs are installed first' | grep -Ev '^[[:space:]]*$' || true)
  if [ -n "$rest" ]; then
    printf '%s\n' "$rest" >&2
    return "$status"
  fi
  say "  some objects wait for definitions of the chart; they are applied after it"
}

# Values of this cluster, where the bundle leaves some open: the user's folder first, else the stub in the bundle.
cluster_values() {
  local own=$BUNDLE/$R_NAME/cluster-values.yaml
  [ -f "$own" ] || return 0
  if [ -n "$CLUSTER_VALUES" ]; then own=$CLUSTER_VALUES/$R_NAME.yaml; fi
  printf '%s' "$own"
}

helm_install() {
  local command wait=() values=(-f "$BUNDLE/$R_NAME/values.yaml") own
  [ "$R_WAIT" = no ] || wait=(${WAIT_FLAGS[@]+"${WAIT_FLAGS[@]}"})
  own=$(cluster_values)
  [ -z "$own" ] || values+=(-f "$own")
  case $R_ARCHIVE,$R_REPOSITORY in
    [!,]*) command=(upgrade --install "$R_NAME" "$BUNDLE/$R_NAME/$R_ARCHIVE") ;;
    ,oci://*) command=(upgrade --install "$R_NAME" "$R_REPOSITORY/$R_CHART" --version "$R_VERSION") ;;
    *) command=(upgrade --install "$R_NAME" "$R_CHART" --repo "$R_REPOSITORY" --version "$R_VERSION") ;;
  esac
  # From an empty directory: a local folder called like the chart would be taken for it.
  (cd "$WORK" && mutate helm_cmd "${command[@]}" -n "$R_NAMESPACE" --create-namespace \
    "${values[@]}" ${wait[@]+"${wait[@]}"})
}

kustomize_source() {
  printf '%s//%s' "$R_REPOSITORY" "$R_PATH"
  [ -z "$R_TAG" ] || printf '?ref=%s' "$R_TAG"
}

kustomize_apply() {
  local source
  source=$(kustomize_source)
  if [ "$DRY_RUN" = 1 ]; then
    say "  + kustomize build '$source' |"
    mutate kubectl_cmd apply -n "$R_NAMESPACE" -f -
    return 0
  fi
  kustomize build "$source" | kubectl_cmd apply -n "$R_NAMESPACE" -f -
}

# The daemon sets named in releases.tsv read something at their start that this release has changed.
restart_daemonsets() {
  local set
  [ -n "$R_RESTART" ] || return 0
  [ "$DRY_RUN" = 0 ] || {
    say "  + kubectl rollout restart of daemon sets called *$R_RESTART* in $R_NAMESPACE"
    return 0
  }
  for set in $(kubectl_cmd get daemonsets -n "$R_NAMESPACE" -o name 2>/dev/null | grep -F -- "$R_RESTART" || true); do
    kubectl_cmd rollout restart "$set" -n "$R_NAMESPACE" || warn "$set was not restarted"
    kubectl_cmd rollout status "$set" -n "$R_NAMESPACE" --timeout=120s || warn "$set is not ready yet"
  done
}

# install_release LINE: bring one component up; stops at its first failing step.
install_release() {
  read_release "$1"
  CURRENT=$R_NAME
  case $R_KIND in
    kustomize)
      ensure_namespace "$R_NAMESPACE" || return
      retry kustomize_apply || return
      [ "$R_MANIFESTS" = no ] || retry apply_manifests || return
      ;;
    helm)
      if [ "$R_MANIFESTS" = yes ]; then
        ensure_namespace "$R_NAMESPACE" || return
        retry apply_manifests_early || return
      fi
      retry helm_install || return
      [ "$R_MANIFESTS" = no ] || retry apply_manifests || return
      ;;
    manifests)
      [ "$R_MANIFESTS" = no ] || retry apply_manifests || return
      ;;
  esac
  restart_daemonsets
}

# Namespaces of the chosen releases, each once, in order of deployment.
release_namespaces() {
  local line known=" "
  for line in "${RELEASES[@]}"; do
    read_release "$line"
    [ "$R_KIND" != manifests ] || continue
    case $known in *" $R_NAMESPACE "*) continue ;; esac
    known="$known$R_NAMESPACE "
    say "$R_NAMESPACE"
  done
}

# Namespaces of the chosen releases and those their components make.
all_namespaces() {
  local line
  release_namespaces
  for line in "${RELEASES[@]}"; do
    read_release "$line"
    [ -z "$R_EXTRA_NAMESPACES" ] || say "$R_EXTRA_NAMESPACES" | tr , '\n'
  done
}

namespace_phase() { kubectl_cmd get namespace "$1" -o 'jsonpath={.status.phase}' 2>/dev/null || true; }

# Read-only checks before anything is changed; each error is listed, then the script stops.
preflight() {
  local errors=0 line namespace group resource
  say "Checking the cluster ($START_CONTEXT)"
  for resource in namespaces customresourcedefinitions clusterroles clusterrolebindings \
    secrets serviceaccounts daemonsets.apps deployments.apps; do
    kubectl_cmd auth can-i create "$resource" --all-namespaces >/dev/null 2>&1 || {
      warn "you may not create $resource"
      errors=$((errors + 1))
    }
  done
  check_needs || errors=$((errors + 1))
  for namespace in $(release_namespaces); do
    if [ "$(namespace_phase "$namespace")" = Terminating ]; then
      warn "namespace $namespace is still terminating; wait for it, or see undeploy.sh --force-finalizers"
      errors=$((errors + 1))
    fi
  done
  stale_webhooks || errors=$((errors + 1))
  unavailable_apis
  other_releases
  for line in "${RELEASES[@]}"; do
    read_release "$line"
    for group in ${R_CRD_GROUPS//,/ }; do
      if kubectl_cmd get customresourcedefinitions -o name 2>/dev/null | grep -q -- "\.${group//./\\.}\$"; then
        warn "definitions of $group are already there: another installation may use them"
      fi
    done
  done
  [ "$errors" -eq 0 ] || die "$errors problem(s) found, nothing was changed (--no-preflight skips these checks)"
}

# What the recipe asks of the cluster: its version, and nodes for the accelerated components.
check_needs() {
  local line what want have status=0 chosen=""
  for line in ${NEEDS[@]+"${NEEDS[@]}"}; do
    what=${line%%$'\t'*} want=${line#*$'\t'}
    case $what in
      kubernetes)
        have=$(kubectl_cmd version 2>/dev/null | sed -n 's/^Server Version: *v\{0,1\}\([0-9][0-9.]*\).*/\1/p' || true)
        if [ -z "$have" ]; then
          say "  the version of the cluster is not known; the recipe asks for $want"
        elif ! version_holds "$have" "$want"; then
          warn "the cluster is version $have, the recipe asks for $want"
          status=1
        fi
        ;;
      accelerated-nodes)
        chosen=$want
        [ -n "$(nodes_with "$want")" ] || warn "no node has the labels $want: what belongs on accelerated nodes runs nowhere"
        ;;
    esac
  done
  if [ -z "$chosen" ] && [ -z "$(nodes_with nvidia.com/gpu.present=true)" ]; then
    say "  no node is labelled as a GPU node yet; the labels come with the operator"
  fi
  return "$status"
}

nodes_with() { kubectl_cmd get nodes -l "$1" -o name 2>/dev/null | grep -F / | head -n 1 || true; }

# version_holds HAVE "OPERATOR WANT": compare dotted numbers as `aicr validate` does: an order at the precision of
# the shorter one, equality with missing parts as 0.
version_holds() {
  local operator=${2%%[0-9v]*} want=${2##*[!0-9.]} order=0 place
  local -a left right
  IFS=. read -ra left <<<"$1"
  IFS=. read -ra right <<<"$want"
  for place in 0 1 2; do
    case $operator in *'<'* | *'>'*) [ -n "${left[place]:-}" ] && [ -n "${right[place]:-}" ] || break ;; esac
    if [ "$order" = 0 ]; then order=$((10#${left[place]:-0} - 10#${right[place]:-0})); fi
  done
  case ${operator// /} in
    '>=') [ "$order" -ge 0 ] ;;
    '>') [ "$order" -gt 0 ] ;;
    '<=') [ "$order" -le 0 ] ;;
    '<') [ "$order" -lt 0 ] ;;
    '!=') [ "$order" -ne 0 ] ;;
    *) [ "$order" -eq 0 ] ;;
  esac
}

# The same component in another namespace: two controllers would work on the same objects.
other_releases() {
  local line name namespace present
  present=$(helm_cmd list --all-namespaces 2>/dev/null || true)
  for line in "${RELEASES[@]}"; do
    read_release "$line"
    [ "$R_KIND" = helm ] || continue
    while read -r name namespace _; do
      if [ "$name" = "$R_NAME" ] && [ "$namespace" != "$R_NAMESPACE" ]; then
        warn "a release $name is already in namespace $namespace: this bundle installs another one in $R_NAMESPACE"
      fi
    done <<<"$present"
  done
}

# An aggregated API that does not answer makes discovery slow, and Helm with it. Needs jq.
unavailable_apis() {
  local name
  command -v jq >/dev/null 2>&1 || return 0
  while IFS= read -r name; do
    [ -z "$name" ] || warn "the API $name is not available: kubectl describe apiservice $name"
  done < <(kubectl_cmd get apiservices -o json 2>/dev/null |
    jq -r '.items[]? | select(any(.status.conditions[]?; .type == "Available" and .status == "False")) | .metadata.name' 2>/dev/null || true)
}

# Webhooks that point to a service that is gone block the objects they watch. Needs jq.
stale_webhooks() {
  local kind found=0 row name namespace service answer namespaces
  if ! command -v jq >/dev/null 2>&1; then
    say "  jq is not installed: webhooks are not checked"
    return 0
  fi
  namespaces=" $(release_namespaces | tr '\n' ' ')"
  for kind in mutatingwebhookconfigurations validatingwebhookconfigurations; do
    while IFS=$'\t' read -r name namespace service; do
      [ -n "$service" ] || continue
      case $namespaces in *" $namespace "*) ;; *) continue ;; esac
      answer=$(kubectl_cmd get service "$service" -n "$namespace" 2>&1) && continue
      case $answer in
        *NotFound* | *"not found"*)
          row="$kind/$name points to the missing service $namespace/$service"
          warn "$row; delete it: kubectl delete $kind $name"
          found=$((found + 1))
          ;;
      esac
    done < <(kubectl_cmd get "$kind" -o json 2>/dev/null |
      jq -r '.items[]? | .metadata.name as $n | .webhooks[]? | .clientConfig.service // empty | [$n, .namespace, .name] | @tsv' 2>/dev/null || true)
  done
  [ "$found" -eq 0 ]
}

# make_work: a temporary directory that goes away with the script.
make_work() {
  WORK=$(mktemp -d)
  # A signal may arrive while standard error is redirected; its message goes here.
  exec 3>&2
  trap 'rm -rf "$WORK"' EXIT
  trap 'interrupted INT' INT
  trap 'interrupted TERM' TERM
  trap 'interrupted HUP' HUP
}

interrupted() {
  trap - INT TERM HUP
  printf '\nstopped by SIG%s' "$1" >&3
  if [ -n "$CURRENT" ]; then printf ' during %s; %s' "$CURRENT" "$(how_to_go_on)" >&3; fi
  printf '\n' >&3
  exit 130
}

# number FLAG VALUE: stop unless VALUE is made of digits.
number() {
  case ${2:-} in '' | *[!0-9]*) die "$1 needs a number, not \"${2:-}\"" ;; esac
}

# duration FLAG VALUE: stop unless VALUE is a time such as 90s, 10m or 1h30m.
duration() {
  local pattern='^([0-9]+(h|m|s))+$'
  [[ ${2:-} =~ $pattern ]] || die "$1 needs a time such as 90s or 10m, not \"${2:-}\""
}

# value FLAG COUNT: stop unless a value follows the flag.
value() { [ "$2" -ge 2 ] || die "$1 needs a value (see --help)"; }

# release_line NAME: print the line of that release, or stop.
release_line() {
  local line
  for line in "${RELEASES[@]}"; do
    case $line in "$1"$'\t'*)
      printf '%s' "$line"
      return 0
      ;;
    esac
  done
  die "no component \"$1\" in this bundle (see --list)"
}
