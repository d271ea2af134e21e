# Runs named steps, lets the later ones run when one fails, and sums up. Sourced by script/test.
# shellcheck shell=bash

STEP_LINES=()
STEP_FAILED=0

# step NAME COMMAND…
step() {
  local name=$1 began=$SECONDS verdict=ok
  shift
  say "$name"
  if ! "$@"; then
    verdict=FAILED
    STEP_FAILED=1
  fi
  STEP_LINES+=("$(printf '%-7s %5d s  %s' "$verdict" $((SECONDS - began)) "$name")")
}

# skip NAME WHY
skip() {
  say "$1: left out, $2"
  STEP_LINES+=("$(printf '%-7s %5s    %s (%s)' skipped - "$1" "$2")")
}

# Prints what happened and ends the script with the verdict.
sum_up() {
  printf '\n'
  printf '%s\n' "${STEP_LINES[@]}"
  if ((STEP_FAILED)); then
    say "something failed"
    exit 1
  fi
  say "all passed in $SECONDS s"
  exit 0
}
