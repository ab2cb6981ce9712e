# SPDX-License-Identifier: GPL-2.0-or-later
# Builds splitd and splitctl; needs neither root nor network.
#
#   make                            build/splitd and build/splitctl
#   make VMLINUX_BTF=FILE           against another kernel's type information
#   make BUILD=DIR ABI_VERSION=N    a second build with another map layout
#   make WERROR=1                   warnings are errors, as in CI
#   make CC=clang-16                the C programs by another compiler
#   sudo make demo                  the seed case, shown in a lab of namespaces
#   sudo make demo DISABLE=HOOK     the same with a hook missing: must fail
#   sudo make check                 every test there is
#   sudo make vm                    the lab on real kernels, in machines
#   sudo make vm KERNEL=6.12 SUITE=matrix ROWS='udp-*'
#   sudo make vm RACE=1             what races, over and over
#   sudo make faults                every fault and attack, at full counts
#   sudo make mutants [MUTANTS=...] does any test notice what is broken?
#   sudo make asan                  the daemon's whole life, with sanitizers
#   make fuzz FUZZ_SECONDS=N        each fuzz target for so long, with clang
#   sudo make bench                 what it costs, next to what people use
#   sudo make bench BENCH=scale     how that grows; or ways, tasks, reload
#   sudo make bench BENCH=tries     other structures than the trie
#   make lint                       form and include rules

BUILD	    ?= build
PREFIX	    ?= /usr/local
SBINDIR	    ?= $(PREFIX)/sbin
MANDIR	    ?= $(PREFIX)/share/man
UNITDIR	    ?= $(PREFIX)/lib/systemd/system
VMLINUX_BTF ?= /sys/kernel/btf/vmlinux

# The first of some names that runs.
pick = $(shell for t in $(1); do \
	"$$t" $(2) >/dev/null 2>&1 && echo "$$t" && break; done)

LLVM	   := 16 17 18 19 20 15 14
CLANG	   ?= $(call pick,$(LLVM:%=clang-%) clang,--version)
LLVM_STRIP ?= $(call pick,$(LLVM:%=llvm-strip-%) llvm-strip,--version)
FORMAT	   ?= $(call pick,clang-format-14 clang-format,--version)
BPFTOOL	   ?= $(call pick,bpftool /usr/sbin/bpftool \
		/usr/lib/linux-tools/*/bpftool /usr/lib/linux-tools-*/bpftool,\
		version)

CFLAGS ?= -O2 -g
C_WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	  $(if $(WERROR),-Werror)
C_DEFS := -std=gnu11 -D_GNU_SOURCE $(if $(ABI_VERSION),\
	  -DSP_ABI_VERSION=$(ABI_VERSION))
C_INCL := -I. -isystem $(BUILD) -isystem $(BUILD)/skel
HARDEN := -fstack-protector-strong -fPIE
# -MD, not -MMD: skeletons come as system headers and must be depended on.
C_ALL	= $(C_DEFS) $(C_INCL) $(C_WARN) -MD -MP

POLICY	:= $(sort $(wildcard policy/*/*.c))
UTIL	:= $(sort $(wildcard loader/util/*.c))
ENGINE	:= $(sort $(wildcard loader/kernel/*.c))
DAEMON	:= $(sort $(wildcard loader/daemon/*.c))
CTL	:= $(sort $(wildcard loader/ctl/*.c))
# What splitctl has in common with the daemon: reading files safely.
COMMON	:= $(addprefix loader/daemon/,answers.c check.c documents.c \
	   explanation.c fiber.c inputs.c installed.c installed_item.c \
	   isolate.c loop.c merge.c moment.c sandbox.c)
LAB	:= $(sort $(wildcard tests/lab/*.c))
UNIT	:= $(sort $(wildcard tests/unit/test_*.c))
FUZZ	:= xml bplist cms wgconf host
BENCH_TOOLS := compile read bare traffic phases.so tries tries.bpf.o empty.bpf.o
BPF	:= identity steer guard confine probe
SKELS	:= $(BPF:%=$(BUILD)/skel/%.skel.h)

LIB_POLICY := -lexpat -lcrypto -lm
LIB_PARSE  := $(LIB_POLICY) -lseccomp -lcap-ng
LIB_DAEMON := -lbpf -lmnl -ljansson $(LIB_PARSE)
LIB_CTL	   := -ljansson $(LIB_PARSE)

# Quiet unless V=1.
ifeq ($(V),)
say = @printf '  %-8s %s\n' "$(1)" "$(patsubst $(BUILD)/%,%,$@)";
endif

.PHONY: all deps demo check check-unit check-lab check-vm vm vm-image unit \
	lab faults mutants asan fuzz bench \
	bench-tools lint man install clean
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BUILD)/splitd $(BUILD)/splitctl

# ---- kernel side -----------------------------------------------------------

BPF_ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(shell uname -m)))
BPF_FLAGS = -O2 -g -target bpf -mcpu=v2 -D__TARGET_ARCH_$(BPF_ARCH) \
	    $(filter -DSP_%,$(C_DEFS)) -I. -I$(BUILD) -Wall \
	    $(if $(WERROR),-Werror) -MMD -MP

$(BUILD)/vmlinux.h: $(VMLINUX_BTF)
	@mkdir -p $(@D)
	$(call say,BTF)$(or $(BPFTOOL),$(error no bpftool; try make deps)) btf dump file $< format c >$@

$(BUILD)/bpf/%.raw.o: bpf/%.bpf.c $(BUILD)/vmlinux.h
	@mkdir -p $(@D)
	$(call say,CLANG)$(or $(CLANG),$(error no clang; try make deps)) $(BPF_FLAGS) -c $< -o $@
	@$(LLVM_STRIP) -g $@

$(BUILD)/bpf/%.bpf.o: $(BUILD)/bpf/%.raw.o
	$(call say,LINK)$(BPFTOOL) gen object $@ $<

$(BUILD)/skel/%.skel.h: $(BUILD)/bpf/%.bpf.o
	@mkdir -p $(@D)
	$(call say,SKEL)$(BPFTOOL) gen skeleton $< name $* >$@

# ---- programs --------------------------------------------------------------

obj = $(patsubst %.c,$(BUILD)/$(1)/%.o,$(2))

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) $(CFLAGS) $(HARDEN) $(C_ALL) -c $< -o $@

$(call obj,obj,$(ENGINE)): | $(SKELS)

$(BUILD)/libpolicy.a: $(call obj,obj,$(POLICY))
	@rm -f $@
	$(call say,AR)$(AR) rcs $@ $^

link = $(CC) $(CFLAGS) $(LDFLAGS) -pie -Wl,-z,relro,-z,now -Wl,--as-needed

$(BUILD)/splitd: $(call obj,obj,$(ENGINE) $(DAEMON) $(UTIL)) \
		 $(BUILD)/libpolicy.a
	$(call say,LD)$(link) $^ $(LIB_DAEMON) -o $@

$(BUILD)/splitctl: $(call obj,obj,$(CTL) $(COMMON) $(UTIL)) \
		   $(BUILD)/libpolicy.a
	$(call say,LD)$(link) $^ $(LIB_CTL) -o $@

# ---- manual ----------------------------------------------------------------

# The page of the keys is half written, half printed from the tables that the
# readers go by: it cannot say anything else than they do.
$(BUILD)/tools/policy-keys: $(BUILD)/obj/tools/policy-keys.o \
			    $(BUILD)/libpolicy.a
	@mkdir -p $(@D)
	$(call say,LD)$(link) $^ $(LIB_POLICY) -o $@

$(BUILD)/man/splitd-policy.keys: $(BUILD)/tools/policy-keys
	@mkdir -p $(@D)
	$(call say,KEYS)$< >$@

$(BUILD)/man/splitd-policy.5: man/splitd-policy.5 \
			      $(BUILD)/man/splitd-policy.keys
	@grep -q '^\.\\" KEYS$$' $<
	$(call say,MAN)sed -e '/^\.\\" KEYS$$/r $(BUILD)/man/splitd-policy.keys' \
		-e '/^\.\\" KEYS$$/d' $< >$@

man: $(BUILD)/man/splitd-policy.5

# ---- tests -----------------------------------------------------------------

# Unit tests take what they need out of one sanitized archive of everything
# but the two main files.
SANITIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	    -fno-sanitize-recover=undefined
SAN_SRC	 := $(filter-out %/splitd.c %/splitctl.c,\
	    $(POLICY) $(UTIL) $(ENGINE) $(DAEMON) $(CTL))
UNIT_BIN := $(UNIT:tests/unit/%.c=$(BUILD)/tests/%)

$(BUILD)/san/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(SANITIZE) $(C_ALL) -c $< -o $@

$(call obj,san,$(ENGINE)): | $(SKELS)

$(BUILD)/san/libtest.a: $(call obj,san,$(SAN_SRC))
	@rm -f $@
	$(call say,AR)$(AR) rcs $@ $^

$(BUILD)/tests/test_%: $(BUILD)/san/tests/unit/test_%.o $(BUILD)/san/libtest.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(SANITIZE) $^ -lcmocka $(LIB_DAEMON) -o $@

$(BUILD)/tests/lab: $(call obj,obj,$(LAB))
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CFLAGS) $(LDFLAGS) $^ -luring -lbpf -ljansson -pthread -o $@

# Each fuzz target by a main that only replays files.
$(BUILD)/tests/fuzz_%: $(BUILD)/san/tests/fuzz/fuzz_%.o \
		       $(BUILD)/san/tests/fuzz/fuzz.o \
		       $(BUILD)/san/tests/fuzz/replay.o $(BUILD)/san/libtest.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(SANITIZE) $^ $(LIB_POLICY) -o $@

# Ours and libplist, to be compared by tests/diff/compare.py.
$(BUILD)/tests/plist_dump: $(BUILD)/obj/tests/diff/plist_dump.o \
			   $(BUILD)/libpolicy.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CFLAGS) $(LDFLAGS) $^ -lplist-2.0 $(LIB_POLICY) -o $@

unit: $(UNIT_BIN) $(FUZZ:%=$(BUILD)/tests/fuzz_%) $(BUILD)/tests/plist_dump \
      $(BUILD)/splitctl

FUZZ_SECONDS ?= 60
FUZZ_FLAGS   := $(SANITIZE) -fsanitize=fuzzer-no-link

$(BUILD)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CLANG)$(CLANG) $(FUZZ_FLAGS) $(C_ALL) -c $< -o $@

$(BUILD)/fuzz/fuzz_%: $(BUILD)/fuzz/obj/tests/fuzz/fuzz_%.o \
		      $(BUILD)/fuzz/obj/tests/fuzz/fuzz.o \
		      $(call obj,fuzz/obj,$(POLICY))
	$(call say,LD)$(CLANG) $(SANITIZE) -fsanitize=fuzzer $^ $(LIB_POLICY) -o $@

# What is found on the way stays in the build directory for the next time.
fuzz: $(FUZZ:%=$(BUILD)/fuzz/fuzz_%)
	@tests/fuzz/run $(BUILD) $(FUZZ_SECONDS) $(FUZZ)

# ---- benchmarks ------------------------------------------------------------

$(BUILD)/bench/compile $(BUILD)/bench/read: $(BUILD)/bench/%: \
		$(BUILD)/obj/bench/%.o $(BUILD)/libpolicy.a
	@mkdir -p $(@D)
	$(call say,LD)$(link) $^ $(LIB_POLICY) -o $@

$(BUILD)/bench/bare $(BUILD)/bench/tries: $(BUILD)/bench/%: \
		$(BUILD)/obj/bench/%.o $(BUILD)/obj/bench/usage.o
	@mkdir -p $(@D)
	$(call say,LD)$(link) $^ -lbpf -o $@

$(BUILD)/bench/%.bpf.o: bench/%.bpf.c $(BUILD)/vmlinux.h
	@mkdir -p $(@D)
	$(call say,CLANG)$(CLANG) $(BPF_FLAGS) -c $< -o $@
	@$(LLVM_STRIP) -g $@

# Static: what the rows of exec and fork cost is not the dynamic linker's.
$(BUILD)/bench/traffic: $(call obj,bench/obj,$(addprefix bench/,\
		traffic.c flows.c tasks.c serve.c))
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CFLAGS) -static $^ -o $@

$(BUILD)/bench/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) $(CFLAGS) $(C_ALL) -c $< -o $@

$(BUILD)/bench/phases.so: bench/phases.c
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CPPFLAGS) $(CFLAGS) $(C_DEFS) $(C_WARN) \
		-shared -fPIC $< -ldl -o $@

bench-tools: all $(BENCH_TOOLS:%=$(BUILD)/bench/%)

# All but scale and tries; BENCH=ways, scale, tries or several of them.
bench: deps
	@bench/deps
	@$(MAKE) --no-print-directory bench-tools
	@$(BUILD)/bench/compile
	@bench/run $(BUILD) $(BENCH)
	@bench/report.py $(BUILD)

# The lab restarts into a splitd whose maps have another version.
$(BUILD)/other/splitd: $(BUILD)/splitd
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/other ABI_VERSION=1000 $@

lab: $(BUILD)/tests/lab $(BUILD)/splitd $(BUILD)/splitctl $(BUILD)/other/splitd \
     bench-tools

# ---- virtual machines ------------------------------------------------------

VM_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/splitd-vm

$(BUILD)/vm/init: $(call obj,vm/obj,$(sort $(wildcard vmtest/*.c)))
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CFLAGS) -static $^ -o $@

$(BUILD)/vm/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) $(CFLAGS) $(C_ALL) -c $< -o $@

# As a package would install it.
$(BUILD)/vm/installed: $(BUILD)/splitd $(BUILD)/splitctl
	@rm -rf $@
	@$(MAKE) --no-print-directory -s install PREFIX=/usr DESTDIR=$(abspath $@)
	@touch $@

$(BUILD)/vm/base.cpio: $(BUILD)/vm/installed $(BUILD)/vm/init \
		       $(BUILD)/tests/lab $(BUILD)/other/splitd \
		       vmtest/image vmtest/suites
	$(call say,IMAGE)vmtest/image base $(BUILD) $@

vm-image: $(BUILD)/vm/base.cpio

# What two processors can do to each other; emulated, they take turns anywhere.
RACES = race race-update race-reload

vm: deps
	@$(MAKE) --no-print-directory vm-image
	@KERNEL="$(KERNEL)" SUITE="$(if $(RACE),$(RACES),$(SUITE))" \
		VM_ROWS="$(ROWS)" vmtest/run $(BUILD) $(VM_CACHE) full

# What deps installs changes the choice of tools above: hence a second make.
deps:
	@tests/deps.sh

demo: deps
	@$(MAKE) --no-print-directory all $(BUILD)/tests/lab
	@$(BUILD)/tests/lab demo --splitd $(BUILD)/splitd \
		--splitctl $(BUILD)/splitctl \
		$(if $(DISABLE),--without $(DISABLE))

check: deps
	@$(MAKE) --no-print-directory unit lab vm-image
	@VM_CACHE="$(VM_CACHE)" tests/run $(BUILD) check

check-vm: deps
	@$(MAKE) --no-print-directory vm-image
	@VM_CACHE="$(VM_CACHE)" tests/run $(BUILD) vm

check-unit check-lab: deps
	@$(MAKE) --no-print-directory $(@:check-%=%)
	@tests/run $(BUILD) $(@:check-%=%)

# At full counts; "make check" does a tenth of each.
faults: deps
	@$(MAKE) --no-print-directory lab
	@$(BUILD)/tests/lab faults --splitd $(BUILD)/splitd \
		--splitctl $(BUILD)/splitctl --splitd2 $(BUILD)/other/splitd

# Broken on purpose, each in one way: the tests must notice.
mutants: deps
	@$(MAKE) --no-print-directory lab
	@tests/mutants/run $(BUILD) $(MUTANTS)

# Not what asks for an answer within 200 ms.
ASAN_ROWS = $(if $(ROWS),$(ROWS),!(reload-verdict-flip))

# The daemon with sanitizers, through a whole life. What they say is kept by
# process, and an error of theirs is red. A parser that a test kills must die of
# that: no handler.
$(BUILD)/asan/splitd: $(BUILD)/splitd
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/asan \
		CFLAGS="$(SANITIZE)" $@

asan: deps
	@$(MAKE) --no-print-directory lab $(BUILD)/asan/splitd
	@rm -f $(BUILD)/asan/report.*
	@export ASAN_OPTIONS=handle_segv=0:log_path=$(abspath $(BUILD))/asan/report \
		UBSAN_OPTIONS=log_path=$(abspath $(BUILD))/asan/report; \
	$(BUILD)/tests/lab lifecycle --splitd $(BUILD)/asan/splitd \
		--splitctl $(BUILD)/splitctl --splitd2 $(BUILD)/other/splitd \
		--rows '$(ASAN_ROWS)'; \
	r=$$?; for f in $(BUILD)/asan/report.*; do \
		! grep -sE 'ERROR: |runtime error: ' "$$f" || r=1; done; exit $$r

lint:
	@CC="$(CC)" FORMAT="$(FORMAT)" tests/lint.sh

# ---- install ---------------------------------------------------------------

install: all man
	install -D -m 755 $(BUILD)/splitd $(DESTDIR)$(SBINDIR)/splitd
	install -D -m 755 $(BUILD)/splitctl $(DESTDIR)$(SBINDIR)/splitctl
	install -D -m 644 -t $(DESTDIR)$(MANDIR)/man8 man/splitd.8 man/splitctl.8
	install -D -m 644 -t $(DESTDIR)$(MANDIR)/man5 \
		$(BUILD)/man/splitd-policy.5
	install -d -m 755 $(DESTDIR)$(UNITDIR)
	sed 's|@SBINDIR@|$(SBINDIR)|' systemd/splitd.service \
		>$(DESTDIR)$(UNITDIR)/splitd.service
	install -d -m 755 $(DESTDIR)/etc/splitd/policy.d

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -type f -name '*.d' 2>/dev/null)
