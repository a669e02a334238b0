# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What the end-to-end tests share: named checks, a count, a line at the end. To be sourced.

passed=0 failed=0

# check NAME COMMAND...: COMMAND must succeed. What it printed is shown if it does not.
check()
{
	local name=$1 output started=$SECONDS
	shift
	if output=$("$@" 2>&1); then
		passed=$((passed + 1))
		printf 'ok    %s\n' "$name"
	else
		failed=$((failed + 1))
		printf 'FAIL  %s (after %d s)\n%s\n' "$name" $((SECONDS - started)) "$output" |
			sed '2,$s/^/      /'
	fi
}

# equals EXPECTED ACTUAL
equals()
{
	[[ $1 == "$2" ]] || {
		printf 'expected: %q\nbut got:  %q\n' "$1" "$2"
		return 1
	}
}

# status EXPECTED COMMAND...: COMMAND must exit with that status.
status()
{
	local expected=$1 got=0
	shift
	"$@" || got=$?
	equals "$expected" "$got"
}

# one_line_error COMMAND...: must fail with one line on standard error and nothing else.
one_line_error()
{
	local output
	if output=$("$@" 2>&1 >/dev/null); then
		echo 'this should have failed'
		return 1
	fi
	printf '%s\n' "$output"
	[[ -n $output && $(wc -l <<<"$output") == 1 ]]
}

# within SECONDS COMMAND...: COMMAND must succeed within that time, tried again and again.
within()
{
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < deadline)) || return 1
		sleep 0.2
	done
}

# finish: the line that counts, and the exit status.
finish()
{
	printf '%d passed, %d failed\n' "$passed" "$failed"
	((!failed))
}
