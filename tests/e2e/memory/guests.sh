# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154 # what harness.sh and the test have set
#
# Guests of libvirt whose memory lodged shares. To be sourced after own_libvirt.sh and harness.sh.

guest=$work/guest
packaging/guest-image/make-guest tiny "$guest" >/dev/null || die 'there is no guest'
chmod -R a+rX "$guest"

# create NAME MEMORY CURRENT [METADATA [CMDLINE [DEVICES]]]: a domain that is gone when it stops; MiB.
# $features: more of its features; $autodeflate: on or off, which is without.
create()
{
	cat >"$work/$1.xml" <<EOF
<domain type='qemu'>
  <name>$1</name>
  <metadata>${4-}</metadata>
  <memory unit='MiB'>$2</memory>
  <currentMemory unit='MiB'>$3</currentMemory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type>
    <kernel>$guest/vmlinuz</kernel><initrd>$guest/initrd.img</initrd>
    <cmdline>console=ttyS0 quiet ${5-}</cmdline></os>
  <features><acpi/>${features-}</features>
  <devices>
    <serial type='pty'/>
    ${6-}
    <controller type='virtio-serial'/>
    <channel type='unix'><target type='virtio' name='org.lodge.agent.0'/></channel>
    <memballoon model='virtio' freePageReporting='on' autodeflate='${autodeflate:-off}'/>
  </devices>
</domain>
EOF
	virsh create "$work/$1.xml"
}

# says ATTRIBUTES: our element of its metadata.
says()
{
	printf "<lodge:memory xmlns:lodge='urn:lodge:memory:1' %s/>" "$1"
}

# has NAME: MiB that its guest has, as libvirt says.
has()
{
	virsh domstats --balloon --nowait "$1" | sed -n 's/ *balloon.current=//p' |
		awk '{ print int($1 / 1024) }'
}

# together_at_most MIB NAME...
together_at_most()
{
	local limit=$1 sum=0 name
	shift
	for name in "$@"; do
		sum=$((sum + $(has "$name")))
	done
	((sum <= limit)) || {
		echo "together they have $sum MiB"
		return 1
	}
}

# set_policy: $together MiB for the guests, and $apart MiB that are kept free. Nothing is lent: what guests
# may have is then what there is, and who works gets from who rests.
set_policy()
{
	printf '{"mode": "on", "speed": "normal", "overcommit": false, "reserve": %d, "total": %d}\n' $((apart << 20)) \
		$(((together + apart) << 20)) >"$LODGE_RUNTIME_DIR/memory.json"
}

# eventually SECONDS COMMAND...: as within(), but what it said the last time is all that is said.
eventually()
{
	local deadline=$((SECONDS + $1)) said
	shift
	until said=$("$@" 2>&1); do
		((SECONDS < deadline)) || {
			printf '%s\n' "$said"
			return 1
		}
		sleep 0.5
	done
}
