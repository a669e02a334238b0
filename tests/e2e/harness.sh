# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What the end-to-end tests share: a runtime directory of their own, named checks, a count, a line at
# the end. To be sourced.

LODGE_RUNTIME_DIR=$(mktemp -d /tmp/lodge-e2e.XXXXXX)
export LODGE_RUNTIME_DIR
# What else runs on this host is not ours; a test of libvirt's domains says which libvirt.
export LODGE_LIBVIRT_URIS=${LODGE_LIBVIRT_URIS:-off}
work=$(mktemp -d)
passed=0 failed=0

# processes NAME...: pids of those programs that work in this runtime directory. QEMU is started
# without our environment, but names its files on its command line.
processes()
{
	local process name
	for process in /proc/[0-9]*; do
		read -r name 2>/dev/null <"$process/comm" || continue
		if [[ " $* " == *" $name "* ]] &&
			grep -qsaF "$LODGE_RUNTIME_DIR" "$process/environ" "$process/cmdline"; then
			printf '%s\n' "${process#/proc/}"
		fi
	done
}

# shellcheck disable=SC2317 # called by the trap
clean_up()
{
	local pids
	if ((failed)); then
		for log in "$LODGE_RUNTIME_DIR"/*.log "$LODGE_RUNTIME_DIR"/vm/*/log "$LODGE_RUNTIME_DIR"/vm/*/screen.log \
			"$LODGE_RUNTIME_DIR"/vm/*/share/*.log; do
			[[ ! -s $log ]] || { printf -- '-- %s\n' "$log" && tail -n 30 "$log"; }
		done >&2
	fi
	pids=$(processes lodge lodged lodge-vmm lodge-net lodge-screen lodge-web lodge-fsd qemu-system-x86)
	# shellcheck disable=SC2086 # a list
	[[ -z $pids ]] || kill -KILL $pids 2>/dev/null
	rm -rf "$LODGE_RUNTIME_DIR" "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

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

# answers NAME: its agent does.
answers()
{
	lodge exec "$1" -- true
}

state()
{
	lodge ls --json | jq -r --arg name "$1" '.[$name].State // empty'
}

# in_state NAME STATE
in_state()
{
	[[ $(state "$1") == "$2" ]]
}

is_gone()
{
	[[ -z $(state "$1") || $(state "$1") == stopped ]]
}

# finish: the line that counts, and the exit status.
finish()
{
	printf '%d passed, %d failed\n' "$passed" "$failed"
	((!failed))
}
