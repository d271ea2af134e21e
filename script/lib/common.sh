# What every script shares: where things are, how they speak, how they end. Sourced, not run.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$ROOT"

# Cargo's output; the caller's choice is respected.
TARGET=${CARGO_TARGET_DIR:-$ROOT/target}
# Programs that the scripts install for themselves.
TOOLS=$TARGET/tools

# A rustup that was installed a minute ago is not on the PATH of this shell yet.
[[ -d ${CARGO_HOME:-$HOME/.cargo}/bin ]] && PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
PATH=$TOOLS/bin:$PATH
export PATH

if [[ -t 1 ]]; then BOLD=$'\e[1m' PLAIN=$'\e[0m'; else BOLD='' PLAIN=''; fi

say() { printf '%s▸ %s%s\n' "$BOLD" "$*" "$PLAIN"; }

die() {
  printf '%s\n' "$@" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# version_at_least HAVE WANTED
version_at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

# Prints the comment at the top of the calling script when the first argument asks for help.
help_from_header() {
  case ${1:-} in
  -h | --help)
    sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
    exit 0
    ;;
  esac
}
