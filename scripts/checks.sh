# shellcheck shell=bash
# Runs named checks one after the other and goes on after a failure; sourced by scripts/lint and scripts/verify.

export PATH="$PWD/.tools/venv/bin:$PATH"
passed=0
failed=()

# check NAME COMMAND...: one line when it passes, its output when it fails.
check() {
  local name="$1" started=$SECONDS log
  shift
  log=$(mktemp)
  if "$@" >"$log" 2>&1 </dev/null; then
    printf 'ok    %-22s %3ss\n' "$name" $((SECONDS - started))
    passed=$((passed + 1))
  else
    printf 'FAIL  %-22s %3ss\n' "$name" $((SECONDS - started))
    sed 's/^/      /' "$log"
    failed+=("$name")
  fi
  rm -f "$log"
}

# summary: the closing line; its status is that of the whole run.
summary() {
  printf '%d passed, %d failed%s\n' "$passed" "${#failed[@]}" "${failed[*]:+: ${failed[*]}}"
  [ "${#failed[@]}" -eq 0 ]
}
