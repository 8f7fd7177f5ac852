#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The avrig authors
#
# check_models.sh: each model must hold, and each of its mutants must not.
# Exit 77 (skipped) without spin.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
command -v spin >/dev/null || { echo "skipped: spin is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0

# check MODEL holds|fails [DEFINE...]
check() {
  local model=$1 expected=$2
  shift 2
  local defines=("${@/#/-D}")
  spin -a "${defines[@]}" "$here/$model.pml" >spin.log || { cat spin.log; exit 1; }
  gcc -O2 -w -DSAFETY -DVECTORSZ=2048 -o pan pan.c
  timeout 200 ./pan -m1000000 -w24 >pan.log || { echo "$model: not finished in 200 s"; exit 1; }
  local errors states seen=holds
  errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log)
  states=$(sed -n 's/ *\([0-9.e+]*\) states, stored.*/\1/p' pan.log)
  if [ "$errors" != 0 ]; then seen=fails; fi
  if grep -q 'max search depth too small\|out of memory' pan.log; then seen=unfinished; fi
  printf '%-5s %-28s %-6s (%s states)\n' "$model" "${*:-as built}" "$seen" "$states"
  if [ "$seen" != "$expected" ]; then
    echo "  expected: $expected"
    sed -n 1,5p pan.log
    failed=1
  fi
}

check ring holds
for mutant in DONE_EARLY NO_IMAGE NO_RESTORE TAG_FIRST OWN_POSITION HOLD_IGNORED WORD_FIRST \
    KEEPS_HOLD; do
  check ring fails "$mutant"
done
check live holds
for mutant in CHECK_FIRST STALE_BEGUN; do
  check live fails "$mutant"
done
check bell holds
check bell holds SECOND_WAKER
check bell holds WAKER_DIES TIMED
for mutant in WAKER_DIES OTHER_WORD FLAG_LATE NO_SECOND_CHECK RELAXED; do
  check bell fails "$mutant"
done
check room holds
check room holds F=4 KEPT=0
check room holds F=4 W=3 KEPT=2
check room holds F=4 W=2 KEPT=1
check room holds K=3
check room holds WAKER_DIES TIMED
for mutant in NEVER_SETTLES MARK_WAITS NO_SECOND_CHECK WAKER_DIES; do
  check room fails "$mutant"
done
exit $failed
