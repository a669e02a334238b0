# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Lodge is built by this one file. `make help` lists the targets.
#
# A component is a folder (or a few) that becomes build/lib/NAME.a; a program is a main.c plus the
# components it stands on, lowest last. To add a source file, put it into its folder. To add a
# program or a component, add its lines to the table below.
#
# SANITIZE=address,undefined (or thread) builds everything with sanitizers into a build folder of its own.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
SHELL := /bin/bash

comma := ,
BUILD ?= build
ifdef SANITIZE
OUT := $(BUILD)/sanitize-$(subst $(comma),-,$(SANITIZE))
else
OUT := $(BUILD)
endif

CC         ?= gcc
ifeq ($(origin CC),default)
CC         := gcc
endif
FUZZ_CC    ?= clang
PKG_CONFIG ?= pkg-config
PREFIX     ?= /usr
LIBEXEC    ?= $(PREFIX)/libexec/lodge

# --- The table ---------------------------------------------------------------------------------

# component: folders it is made of (main.c is never part of a component), and packages it needs
COMPONENTS := base protocol pump relay busloop virtqueue sandbox arguments probe forward vmm net http screen web statistics daemon memory cli drivers common system agent toolbox session \
              fsserver fsd fsrelay fsmount

base_DIRS      := protocol/base
base_PKGS      :=
protocol_DIRS  := protocol protocol/spice
protocol_PKGS  :=
pump_DIRS      := protocol/pump
pump_PKGS      :=
relay_DIRS     := protocol/relay
relay_PKGS     :=
busloop_DIRS   := protocol/bus
busloop_PKGS   := dbus-1
probe_DIRS     := host/probe
probe_PKGS     :=
sandbox_DIRS   := protocol/sandbox
sandbox_PKGS   := libseccomp
arguments_DIRS := protocol/arguments
arguments_PKGS :=
virtqueue_DIRS := protocol/virtqueue
virtqueue_PKGS :=
forward_DIRS   := host/arguments
forward_PKGS   :=
vmm_DIRS       := $(shell find host/vmm -type d 2>/dev/null)
vmm_PKGS       := liburing libseccomp
net_DIRS       := host/net
net_PKGS       := slirp
http_DIRS      := host/http
http_PKGS      := gnutls
screen_DIRS    := $(shell find host/screen -type d 2>/dev/null)
screen_PKGS    := libuv dbus-1 gnutls libisal libturbojpeg libpng zlib xkbcommon
web_DIRS       := host/web
web_PKGS       := libuv libmicrohttpd
statistics_DIRS := host/statistics
statistics_PKGS :=
daemon_DIRS    := $(filter-out host/daemon/memory,$(shell find host/daemon -type d 2>/dev/null))
daemon_PKGS    := libuv dbus-1 libvirt libvirt-qemu json-c libxml-2.0
# The memory policy is pure, and on its own: lodged and the simulator stand on it.
memory_DIRS    := host/daemon/memory
memory_PKGS    :=
cli_DIRS       := $(shell find host/cli -type d 2>/dev/null)
cli_PKGS       := libuv dbus-1 json-c
drivers_DIRS   := $(shell find drivers -type d 2>/dev/null)
drivers_PKGS   := libuv-static libdrm
# It leaves the choice of libuv, shared or static, to the program, as the pump does.
common_DIRS    := guest-agent/common
common_PKGS    :=
system_DIRS    := guest-agent/system
system_PKGS    :=
agent_DIRS     := $(shell find guest-agent/agent -type d 2>/dev/null)
agent_PKGS     := libuv-static
toolbox_DIRS   := guest-agent/toolbox
toolbox_PKGS   :=
session_DIRS   := $(shell find guest-agent/session -type d 2>/dev/null)
session_PKGS   := libuv dbus-1 libdrm xcb xcb-randr xcb-xfixes wayland-client

fsserver_DIRS  := shared-folders/fuse shared-folders/server shared-folders/watch
fsserver_PKGS  :=
fsd_DIRS       := shared-folders/fsd shared-folders/vhost shared-folders/stream
fsd_PKGS       := libuv-static
fsrelay_DIRS   := shared-folders/relay
fsrelay_PKGS   :=
fsmount_DIRS   := shared-folders/mount
fsmount_PKGS   := libuv-static

# program: its main, and the components it stands on
PROGRAMS := lodge lodged lodge-vmm lodge-net lodge-screen lodge-web lodge-agent lodge-guest lodge-session lodge-fsd mount.lodge

lodge_MAIN       := host/cli/main.c
lodge_USES       := cli fsrelay fsserver probe pump protocol base
lodged_MAIN      := host/daemon/main.c
lodged_USES      := daemon memory statistics probe pump relay busloop protocol base
lodge-vmm_MAIN   := host/vmm/main.c
lodge-vmm_USES   := vmm virtqueue sandbox forward arguments probe protocol base
lodge-net_MAIN   := host/net/main.c
lodge-net_USES   := net sandbox forward arguments base
lodge-screen_MAIN := host/screen/main.c
lodge-screen_USES := screen http sandbox arguments pump relay busloop protocol base
lodge-web_MAIN   := host/web/main.c
lodge-web_USES   := web http statistics sandbox arguments pump protocol base
lodge-session_MAIN := guest-agent/session/main.c
lodge-session_USES := session common pump busloop protocol base
lodge-agent_MAIN := guest-agent/agent/main.c
lodge-agent_USES := agent common drivers system pump relay protocol base
lodge-guest_MAIN := guest-agent/toolbox/main.c
lodge-guest_USES := toolbox drivers system protocol base
lodge-fsd_MAIN   := shared-folders/fsd/main.c
lodge-fsd_USES   := fsd fsserver virtqueue sandbox arguments pump protocol base
mount.lodge_MAIN := shared-folders/mount/main.c
mount.lodge_USES := fsmount fsrelay fsserver pump protocol base

# Guest programs are static: a minimal guest has no libraries for them.
STATIC_PROGRAMS := lodge-agent lodge-guest lodge-fsd mount.lodge

# Where a component's unit tests live: tests/unit/<folder of the component>.
# Folders whose code reads bytes of a peer are compiled with -Wconversion too.
WCONVERSION_DIRS := protocol host/vmm host/net host/http host/screen host/web host/statistics drivers guest-agent host/daemon/broker host/daemon/memory shared-folders

# --- Flags -------------------------------------------------------------------------------------

VERSION := $(shell cat packaging/version 2>/dev/null || echo 0.1.0)

WARNINGS := -Wall -Wextra -Wshadow -Wimplicit-fallthrough -Wstrict-prototypes -Wvla -Werror
HARDEN   := -fPIE -fstack-protector-strong -fstack-clash-protection
ifdef SANITIZE
CFLAGS   ?= -O1 -g1 # lines for the backtraces, and a build in a quarter of the time
else
HARDEN   += -D_FORTIFY_SOURCE=2
CFLAGS   ?= -O2 -g
endif
CFLAGS_ALL := -std=gnu17 -D_GNU_SOURCE -DLODGE_VERSION='"$(VERSION)"' -I. $(WARNINGS) $(HARDEN) \
              -ffunction-sections -fdata-sections $(CFLAGS)
LDFLAGS_ALL := -Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--as-needed $(LDFLAGS)
ifdef SANITIZE
CFLAGS_ALL  += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS_ALL += -fsanitize=$(SANITIZE)
ifeq ($(SANITIZE),thread)
CFLAGS_ALL  += -Wno-tsan # fences: what the other side of a ring does is not seen anyway
endif
endif

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-6s %s\n' '$(1)' '$(2)';)

# --- Components --------------------------------------------------------------------------------

sources = $(filter-out %/main.c,$(wildcard $(addsuffix /*.c,$($(1)_DIRS))))

$(foreach c,$(COMPONENTS),$(eval $(c)_SRC := $(call sources,$(c))))
$(foreach c,$(COMPONENTS),$(foreach s,$($(c)_SRC),$(eval PKGS_OF_$(s) := $($(c)_PKGS))))
$(foreach p,$(PROGRAMS),$(eval PKGS_OF_$($(p)_MAIN) := $(sort $(foreach c,$($(p)_USES),$($(c)_PKGS)))))

PKGS_ALL := $(sort $(foreach c,$(COMPONENTS),$($(c)_PKGS)) check)
# One pkg-config run for all packages' include paths; the lists are short and do not conflict.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell $(PKG_CONFIG) --cflags $(PKGS_ALL)))$(PKG_CFLAGS)

wconversion = $(if $(strip $(foreach d,$(WCONVERSION_DIRS),$(filter $(d)/%,$(1)))),-Wconversion)

$(OUT)/obj/%.o: %.c Makefile
	$(call say,CC,$<)mkdir -p $(@D) && \
	$(CC) $(CFLAGS_ALL) $(call wconversion,$<) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

# Pages for browsers are part of the object that names them.
$(OUT)/obj/host/screen/web/files.o: $(wildcard host/screen/web/page/* host/http/page/*)
$(OUT)/obj/host/web/pages.o: $(wildcard host/web/page/* host/http/page/*)

define component_rule
$(OUT)/lib/$(1).a: $(patsubst %.c,$(OUT)/obj/%.o,$($(1)_SRC))
	$$(call say,AR,$$@)mkdir -p $$(@D) && rm -f $$@ && ar qcsD $$@ $$^
endef
$(foreach c,$(COMPONENTS),$(eval $(call component_rule,$(c))))

# --- Programs ----------------------------------------------------------------------------------

pkgs_of_components = $(sort $(foreach c,$(1),$($(c)_PKGS)))
link_libs = $(if $(strip $(2)),$(shell $(PKG_CONFIG) $(1) --libs $(2) 2>/dev/null))

define program_rule
$(OUT)/$(1): $(patsubst %.c,$(OUT)/obj/%.o,$($(1)_MAIN)) $(foreach c,$($(1)_USES),$(OUT)/lib/$(c).a)
	$$(call say,LINK,$$@)$(CC) $(CFLAGS_ALL) $(if $(filter $(1),$(STATIC_PROGRAMS)),$(if $(SANITIZE),-pie,-static-pie),-pie) $(LDFLAGS_ALL) -o $$@ $$^ \
	$$(call link_libs,$(if $(filter $(1),$(STATIC_PROGRAMS)),),$(call pkgs_of_components,$($(1)_USES)))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$(p))))

BUILDABLE := $(foreach p,$(PROGRAMS),$(if $(wildcard $($(p)_MAIN)),$(OUT)/$(p)))

.PHONY: all
all: $(BUILDABLE)

# --- Unit tests --------------------------------------------------------------------------------

# tests/unit/DIR/test_x.c is linked with the components of the program that DIR belongs to.
UNIT_SRC  := $(shell find tests/unit -name 'test_*.c' 2>/dev/null)
UNIT_BIN  := $(patsubst %.c,$(OUT)/%,$(UNIT_SRC))
UNIT_HELP := $(filter-out $(UNIT_SRC),$(shell find tests/unit -name '*.c' 2>/dev/null))

unit_components = $(strip $(or \
	$(if $(filter tests/unit/protocol/base/%,$(1)),base),\
	$(if $(filter tests/unit/protocol/pump/%,$(1)),pump protocol base),\
	$(if $(filter tests/unit/protocol/virtqueue/%,$(1)),virtqueue base),\
	$(if $(filter tests/unit/protocol/arguments/%,$(1)),arguments base),\
	$(if $(filter tests/unit/protocol/relay/%,$(1)),relay protocol base),\
	$(if $(filter tests/unit/protocol/%,$(1)),protocol base),\
	$(if $(filter tests/unit/host/vmm/%,$(1)),vmm virtqueue sandbox forward arguments probe protocol base),\
	$(if $(filter tests/unit/host/net/%,$(1)),net sandbox forward arguments base),\
	$(if $(filter tests/unit/host/http/%,$(1)),http protocol base),\
	$(if $(filter tests/unit/host/screen/%,$(1)),screen http sandbox arguments pump relay busloop protocol base),\
	$(if $(filter tests/unit/host/probe/%,$(1)),probe base),\
	$(if $(filter tests/unit/host/arguments/%,$(1)),forward base),\
	$(if $(filter tests/unit/host/web/%,$(1)),web http statistics sandbox arguments pump protocol base),\
	$(if $(filter tests/unit/host/statistics/%,$(1)),statistics protocol base),\
	$(if $(filter tests/unit/host/daemon/memory/%,$(1)),memory base),\
	$(if $(filter tests/unit/host/daemon/%,$(1)),daemon memory statistics probe pump relay busloop protocol base),\
	$(if $(filter tests/unit/host/cli/mount/%,$(1)),cli fsrelay fsserver probe pump busloop protocol base),\
	$(if $(filter tests/unit/host/cli/%,$(1)),cli fsrelay fsserver probe pump protocol base),\
	$(if $(filter tests/unit/drivers/%,$(1)),drivers system pump protocol base),\
	$(if $(filter tests/unit/guest-agent/agent/%,$(1)),agent common drivers system pump relay protocol base),\
	$(if $(filter tests/unit/guest-agent/common/%,$(1)),common protocol base),\
	$(if $(filter tests/unit/guest-agent/session/%,$(1)),session common pump busloop protocol base),\
	$(if $(filter tests/unit/guest-agent/system/%,$(1)),system protocol base),\
	$(if $(filter tests/unit/guest-agent/toolbox/%,$(1)),toolbox system protocol base),\
	$(if $(filter tests/unit/shared-folders/fuse/% tests/unit/shared-folders/server/% tests/unit/shared-folders/watch/%,$(1)),fsserver protocol base),\
	$(if $(filter tests/unit/shared-folders/mount/%,$(1)),fsmount fsrelay fsserver pump protocol base),\
	$(if $(filter tests/unit/shared-folders/relay/%,$(1)),fsrelay fsserver pump protocol base),\
	$(if $(filter tests/unit/shared-folders/%,$(1)),fsd fsserver virtqueue sandbox arguments pump protocol base),\
	$(error no component for $(1))))

# The pump leaves the choice of libuv, shared or static, to the program; its test has none. Tests of a
# desktop's displays play its compositor.
unit_pkgs = $(call pkgs_of_components,$(call unit_components,$(1))) $(if $(filter tests/unit/protocol/pump/% tests/unit/guest-agent/common/% tests/unit/shared-folders/relay/%,$(1)),libuv) $(if $(filter tests/unit/guest-agent/session/display/%,$(1)),wayland-server)

# Helpers (not named test_*) in a test's own folder are linked into the tests of that folder.
define unit_rule
$(OUT)/$(1:.c=): $(OUT)/obj/$(1:.c=.o) $(patsubst %.c,$(OUT)/obj/%.o,$(filter $(dir $(1))%,$(foreach h,$(UNIT_HELP),$(if $(filter $(dir $(1)),$(dir $(h))),$(h))))) $(foreach c,$(call unit_components,$(1)),$(OUT)/lib/$(c).a)
	$$(call say,LINK,$$@)mkdir -p $$(@D) && $(CC) $(CFLAGS_ALL) -pie $(LDFLAGS_ALL) -o $$@ $$^ \
	$$(call link_libs,,$(call unit_pkgs,$(1)) check)
endef
$(foreach t,$(UNIT_SRC),$(eval $(call unit_rule,$(t))))

.PHONY: unit-tests check-unit check-fast
unit-tests: $(UNIT_BIN)

check-unit: $(UNIT_BIN)
	$(Q)tests/unit/run $(UNIT_BIN)

check-fast: all check-unit lint

# --- Fuzz targets ------------------------------------------------------------------------------

# tests/fuzz/fuzz_NAME.c starts with a line "// components: a b c". Built with clang's libFuzzer.
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SRC))
FUZZ_SECONDS ?= 60
fuzz_components = $(shell sed -n 's@^// components: @@p' $(1))

define fuzz_rule
$(BUILD)/fuzz/$(notdir $(1:.c=)): $(1) $(foreach c,$(call fuzz_components,$(1)),$($(c)_SRC)) Makefile
	$$(call say,FUZZ,$$@)mkdir -p $$(@D) && $(FUZZ_CC) -std=gnu17 -D_GNU_SOURCE -DLODGE_VERSION='"$(VERSION)"' -I. -O1 -g \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all $$(PKG_CFLAGS) \
	-o $$@ $(1) $(foreach c,$(call fuzz_components,$(1)),$($(c)_SRC)) \
	$$(call link_libs,,$(call pkgs_of_components,$(call fuzz_components,$(1))))
endef
$(foreach f,$(FUZZ_SRC),$(eval $(call fuzz_rule,$(f))))

.PHONY: fuzz fuzzers
fuzzers: $(FUZZ_BIN)
fuzz: $(FUZZ_BIN)
	$(Q)tests/fuzz/run --seconds $(FUZZ_SECONDS) $(FUZZ_BIN)

# --- Rigs, end to end, benchmarks, newcomer ----------------------------------------------------
# (rig section: scripts in tests/rig, tests/e2e, tests/bench, packaging/run)

# The bare rig's guest: freestanding, as an ELF with a PVH entry and as a bzImage.
BARE     := tests/rig/bare/guest
BARE_OUT := $(BUILD)/tests/rig/bare
BARE_OBJ := $(patsubst %.c,$(OUT)/obj/%.o,$(wildcard $(BARE)/*.c)) $(OUT)/obj/$(BARE)/start.o
BARE_CFLAGS := -std=gnu17 -O2 -g -ffreestanding -fno-pie -mno-red-zone -mgeneral-regs-only \
               -fno-strict-aliasing -fno-stack-protector -fcf-protection=none \
               -fno-asynchronous-unwind-tables -Wall -Wextra -Wshadow -Wimplicit-fallthrough \
               -Wstrict-prototypes -Wvla -Werror

$(OUT)/obj/$(BARE)/%.o: $(BARE)/%.c Makefile
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(BARE_CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/obj/$(BARE)/%.o: $(BARE)/%.S Makefile
	$(call say,AS,$<)mkdir -p $(@D) && $(CC) $(BARE_CFLAGS) -MMD -MP -c -o $@ $<

$(BARE_OUT)/guest.elf: $(BARE_OBJ) $(BARE)/guest.ld
	$(call say,LINK,$@)mkdir -p $(@D) && $(CC) -nostdlib -static -no-pie -Wl,--build-id=none \
	-Wl,--no-warn-rwx-segments -Wl,-T,$(BARE)/guest.ld -o $@ $(BARE_OBJ)

$(BARE_OUT)/guest.bzimage: $(BARE_OUT)/guest.elf $(BARE)/header.S $(BARE)/make-bzimage
	$(call say,IMAGE,$@)CC='$(CC)' $(BARE)/make-bzimage $(BARE_OUT)/guest.elf $@

.PHONY: bare-guest check-bare
bare-guest: $(BARE_OUT)/guest.elf $(BARE_OUT)/guest.bzimage

check-bare: $(OUT)/lodge-vmm $(OUT)/lodge-net bare-guest
	$(Q)tests/rig/bare/run

.PHONY: run check bench soak
run:
	$(Q)packaging/run/run

check:
	$(Q)tests/check

bench: all
	$(Q)tests/bench/run

# Programs of the benchmarks: tests/bench/DIR/NAME.c, on the protocol library; static, so that they
# run in every rig.
BENCH_SRC := $(wildcard tests/bench/*/*.c)
define bench_rule
$(OUT)/$(1:.c=): $(OUT)/obj/$(1:.c=.o) $(OUT)/lib/virtqueue.a $(OUT)/lib/protocol.a $(OUT)/lib/base.a
	$$(call say,LINK,$$@)mkdir -p $$(@D) && $(CC) $(CFLAGS_ALL) -static-pie $(LDFLAGS_ALL) -o $$@ $$^
endef
$(foreach b,$(BENCH_SRC),$(eval $(call bench_rule,$(b))))

# The simulator of the memory policy: no rig, no KVM; the same table on every machine.
SIM_SRC := $(wildcard tests/sim/*.c)
$(OUT)/tests/sim/sim: $(patsubst %.c,$(OUT)/obj/%.o,$(SIM_SRC)) $(foreach c,memory base,$(OUT)/lib/$(c).a)
	$(call say,LINK,$@)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) -pie $(LDFLAGS_ALL) -o $@ $^

.PHONY: sim
sim: $(OUT)/tests/sim/sim
	$(Q)tests/sim/table $<

# Programs of the rigs that stand on the server of shared folders.
$(OUT)/tests/rig/fuse/%: $(OUT)/obj/tests/rig/fuse/%.o $(foreach c,fsrelay fsserver protocol base,$(OUT)/lib/$(c).a)
	$(call say,LINK,$@)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) -pie $(LDFLAGS_ALL) -o $@ $^

# The host that tests/rig/stream plays.
played_host_USES := fsmount fsrelay fsserver common relay pump protocol base
$(OUT)/tests/rig/stream/played_host: $(OUT)/obj/tests/rig/stream/played_host.o $(foreach c,$(played_host_USES),$(OUT)/lib/$(c).a)
	$(call say,LINK,$@)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) -pie $(LDFLAGS_ALL) -o $@ $^ $(call link_libs,,libuv)

# The proof of shared folders, static like them: tests/posix/suite, random.c, fight.c, duel.c, escape.c.
POSIX_OUT   := $(OUT)/tests/posix
POSIX_SUITE := $(wildcard tests/posix/suite/*.c)

$(POSIX_OUT)/posix-suite: $(POSIX_SUITE:%.c=$(OUT)/obj/%.o)
$(POSIX_OUT)/posix-random: $(OUT)/obj/tests/posix/random.o
$(POSIX_OUT)/posix-fight: $(OUT)/obj/tests/posix/fight.o
$(POSIX_OUT)/posix-duel: $(OUT)/obj/tests/posix/duel.o
$(POSIX_OUT)/posix-escape: $(OUT)/obj/tests/posix/escape.o
POSIX_BIN   := $(addprefix $(POSIX_OUT)/posix-,suite random fight duel escape)
$(POSIX_BIN):
	$(call say,LINK,$@)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) -static-pie $(LDFLAGS_ALL) -o $@ $^

.PHONY: posix
posix: $(POSIX_BIN)

soak: all
	$(Q)tests/soak

# --- Lint --------------------------------------------------------------------------------------

.PHONY: lint print-compile-flags
lint: all
	$(Q)packaging/lint/run
	$(Q)$(foreach p,$(PROGRAMS),packaging/lint/symbols $(p) $(foreach c,$($(p)_USES),$(OUT)/lib/$(c).a) &&) \
	echo '  symbols      clean'

# What clang-tidy needs to read a file as the compiler does.
print-compile-flags:
	@printf '%s\n' '-std=gnu17 -D_GNU_SOURCE -DLODGE_VERSION="$(VERSION)" -I. $(filter-out -Werror,$(WARNINGS)) $(PKG_CFLAGS)'

# --- Install, clean, help ----------------------------------------------------------------------

.PHONY: install clean distclean help
install: all
	$(Q)DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' LIBEXEC='$(LIBEXEC)' OUT='$(OUT)' packaging/install

clean:
	$(Q)find $(BUILD) -mindepth 1 -maxdepth 1 ! -name cache -exec rm -rf {} + 2>/dev/null || true

distclean:
	$(Q)rm -rf $(BUILD)

help:
	@printf '%s\n' \
	'make             build the programs into build/' \
	'make run         the tour: install what is missing, build, make a guest, start it, show it' \
	'make check       all tests, rigs included' \
	'make check-fast  unit tests and lint' \
	'make lint        clang-format, clang-tidy, cppcheck, shellcheck, names defined twice' \
	'make bench       benchmarks beside their peers; figures in build/bench/' \
	'make fuzz        fuzz targets, FUZZ_SECONDS each (60)' \
	'make soak        long runs' \
	'make sim         ways to share memory, compared by a simulator; table in docs/memory.md' \
	'make install     into $$DESTDIR$$PREFIX' \
	'make clean       remove what was built, keep downloads (distclean removes those too)' \
	'' \
	'SANITIZE=address,undefined  build with sanitizers; V=1  show commands'

-include $(shell find $(OUT)/obj -name '*.d' 2>/dev/null)
