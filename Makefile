# persistbus
#
#   make                builds everything into build/bin
#   make run            core-data and persist-sqlite in the foreground, data under var/
#   make up             the same and persist-redis as modules of edge-agent, by configs/deployment.template.json
#   make images         container images of the services; PLATFORM=arm64v8, BASE=scratch: see tools/images.sh
#   make test           format check, unit tests, end-to-end tests (starts what it needs on private ports)
#   make conformance    every backend against the cases of tests/conformance, on real servers
#   make certificates   the same by persistctl certify, for the two examples of backends as well; build/certificates/
#   make check T=name   one unit test program (test_event) or end-to-end tests by name
#   make bench          events/s and latencies, next to a yardstick
#   make chaos          everything killed, halted, cut off and starved under load; CHAOS_SECONDS=600
#   make fuzz           what reads bytes from outside, under libFuzzer; FUZZ_SECONDS=30 for each, T=json for one
#   make deps           installs missing Debian packages
#   make install PREFIX=/usr/local [DESTDIR=]
#   SANITIZER=address|undefined|thread with any of them: an instrumented build under build/<sanitizer>

SHELL := /bin/bash
# V=1 shows the commands.
Q := $(if $(V),,@)
PREFIX ?= /usr/local
PYTHON ?= /usr/bin/python3
CLANG_FORMAT ?= clang-format
VERSION := $(shell sed -n 's/^.define PBUS_VERSION "\(.*\)"/\1/p' common/include/persistbus/version.h)

CFLAGS ?= -O2 -g
WARNINGS = -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla
COMPILE = -std=c17 -D_GNU_SOURCE $(WARNINGS) -fPIC -fvisibility=hidden -pthread -MMD -MP

ifeq ($(SANITIZER),)
  OUT := build
else ifeq ($(SANITIZER),address)
  OUT := build/address
  SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
  export LSAN_OPTIONS := print_suppressions=0:suppressions=$(CURDIR)/tests/lsan.supp
else ifeq ($(SANITIZER),undefined)
  OUT := build/undefined
  SANITIZE := -fsanitize=undefined -fno-sanitize-recover=all
else ifeq ($(SANITIZER),thread)
  OUT := build/thread
  SANITIZE := -fsanitize=thread
  export TSAN_OPTIONS := suppressions=$(CURDIR)/tests/tsan.supp
else
  $(error SANITIZER=$(SANITIZER) is not known: use address, undefined or thread)
endif
BIN := $(OUT)/bin
OBJ := $(OUT)/obj
TESTBIN := $(OUT)/tests

# ---- what is built from what -----------------------------------------------------------------------------

# One line a component: its folders; pkg-config names; and whether it may see common/src (services that
# providers could have written may not: they use the public SDK alone).
WORKERS := $(patsubst services/%/main.c,%,$(wildcard services/persist-*/main.c))
PROGRAMS := $(WORKERS) $(if $(wildcard services/core-data/main.c),core-data) \
            $(if $(wildcard services/edge-agent/main.c),edge-agent) \
            $(if $(wildcard tools/persistctl/main.c),persistctl)

DIRS_core-data := services/core-data services/core-data/http services/core-data/dispatch services/core-data/spool \
                  services/core-data/retention services/core-data/mirror
# deploy/ is what reads module.json, templates and manifests.
DIRS_edge-agent := services/edge-agent deploy
DIRS_persistctl := tools/persistctl deploy
$(foreach b,$(WORKERS),$(eval DIRS_$(b) := services/$(b)))

# A program may hold another's objects (all but its main): persistctl certify is the conformance suite.
USES_persistctl := conformance

# Programs that tests need and nobody installs.
TOOLS := $(if $(wildcard tests/conformance/main.c),conformance)
DIRS_conformance := tests/conformance

PKG_COMMON := libczmq libzmq msgpack yaml-0.1 libxxhash
PKG_core-data := libmicrohttpd yyjson sqlite3 libcbor
PKG_persist-sqlite := sqlite3 yyjson
PKG_persist-redis := hiredis yyjson
PKG_persist-mongo := libmongoc-1.0 yyjson
PKG_persist-postgres := libpq yyjson
PKG_edge-agent := libcurl yyjson
PKG_persistctl := libcurl libzmq yyjson

# ZeroMQ's own requirements (pgm, krb5...) are not needed to compile against it: -isystem of those is dropped.
pkg_cflags = $(filter-out -isystem /usr/include/mit-krb5,$(shell pkg-config --cflags $(1) 2>/dev/null))
pkg_libs = $(shell pkg-config --libs $(1) 2>/dev/null)

COMMON_DIRS := common/src common/src/series
COMMON_SRC := $(foreach d,$(COMMON_DIRS),$(filter-out $(wildcard $(d)/test_*.c),$(wildcard $(d)/*.c)))
COMMON_OBJ := $(COMMON_SRC:%.c=$(OBJ)/%.o)
LIB := $(OUT)/lib/libpersistbus.a
SHARED := $(OUT)/lib/libpersistbus.so.0

sources = $(foreach d,$(DIRS_$(1)),$(filter-out $(d)/main.c $(wildcard $(d)/test_*.c),$(wildcard $(d)/*.c)))
# A folder that several programs share has its tests built with the one that names it here.
TESTED_WITH_deploy := persistctl
tests = $(foreach d,$(DIRS_$(1)),$(if $(filter-out $(1),$(TESTED_WITH_$(d))),,$(wildcard $(d)/test_*.c)))

UNIT_TESTS := $(foreach d,$(COMMON_DIRS),$(patsubst $(d)/%.c,$(TESTBIN)/%,$(wildcard $(d)/test_*.c))) \
              $(foreach p,$(PROGRAMS) $(TOOLS),$(foreach t,$(call tests,$(p)),$(TESTBIN)/$(basename $(notdir $(t)))))

.PHONY: all run up images test unit e2e conformance check bench deps install format format-check clean
.SECONDARY:
.DELETE_ON_ERROR:

all: $(LIB) $(SHARED) $(PROGRAMS:%=$(BIN)/%)

$(LIB): $(COMMON_OBJ)
	@mkdir -p $(@D)
	@echo "  AR $@"
	$(Q)rm -f $@ && ar rcs $@ $^

$(SHARED): $(COMMON_OBJ)
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) -shared -Wl,-soname,libpersistbus.so.0 $(SANITIZE) $(LDFLAGS) -o $@ $^ $(call pkg_libs,$(PKG_COMMON)) -pthread
	$(Q)ln -sf libpersistbus.so.0 $(@D)/libpersistbus.so

$(OBJ)/common/src/%.o: common/src/%.c
	@mkdir -p $(@D)
	@echo "  CC $@"
	$(Q)$(CC) $(COMPILE) $(CFLAGS) $(SANITIZE) -Icommon/include -Icommon/src $(call pkg_cflags,$(PKG_COMMON)) -c -o $@ $<

define common_test_rules
$$(TESTBIN)/%: $$(OBJ)/$(1)/%.o $$(LIB)
	@mkdir -p $$(@D)
	@echo "  LD $$@"
	$$(Q)$$(CC) $$(SANITIZE) $$(LDFLAGS) -o $$@ $$^ $$(call pkg_libs,$$(PKG_COMMON)) -lcmocka -lm -pthread
endef
$(foreach d,$(COMMON_DIRS),$(eval $(call common_test_rules,$(d))))

# What the unit tests of backends share.
TESTKIT := $(OUT)/lib/testkit.a
TESTKIT_OBJ := $(patsubst %.c,$(OBJ)/%.o,$(wildcard common/testkit/*.c))
$(OBJ)/common/testkit/%.o: common/testkit/%.c
	@mkdir -p $(@D)
	@echo "  CC $@"
	$(Q)$(CC) $(COMPILE) $(CFLAGS) $(SANITIZE) -Icommon/include -Icommon/src $(call pkg_cflags,$(PKG_COMMON)) -c -o $@ $<
$(TESTKIT): $(TESTKIT_OBJ)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^

# Rules of one program: its objects, its binary, its unit tests (everything but main, and cmocka).
define program_rules
INCLUDE_$(1) := -Icommon/include $$(foreach c,$(1) $$(USES_$(1)),$$(DIRS_$$(c):%=-I%)) \
                $$(if $$(filter $(1),$$(WORKERS)),,-Icommon/src)
OBJ_$(1) := $$(patsubst %.c,$$(OBJ)/%.o,$$(foreach c,$(1) $$(USES_$(1)),$$(call sources,$$(c))))
LIBS_$(1) = $$(call pkg_libs,$$(PKG_$(1)) $$(PKG_COMMON)) -lm -pthread
$$(BIN)/$(1): $$(OBJ)/$$(firstword $$(DIRS_$(1)))/main.o $$(OBJ_$(1)) $$(LIB)
	@mkdir -p $$(@D)
	@echo "  LD $$@"
	$$(Q)$$(CC) $$(SANITIZE) $$(LDFLAGS) -o $$@ $$^ $$(LIBS_$(1))
$$(foreach d,$$(DIRS_$(1)),$$(eval $$(call folder_rules,$(1),$$(d))))
$$(foreach t,$$(call tests,$(1)),$$(eval $$(call test_rules,$(1),$$(t))))
endef

define folder_rules
$$(OBJ)/$(2)/%.o: $(2)/%.c
	@mkdir -p $$(@D)
	@echo "  CC $$@"
	$$(Q)$$(CC) $$(COMPILE) $$(CFLAGS) $$(SANITIZE) $$(INCLUDE_$(1)) $$(call pkg_cflags,$$(PKG_$(1)) $$(PKG_COMMON)) -c -o $$@ $$<
endef

define test_rules
$$(TESTBIN)/$$(basename $$(notdir $(2))): $$(OBJ)/$(2:.c=.o) $$(OBJ_$(1)) $$(if $$(filter $(1),$$(WORKERS)),$$(TESTKIT)) $$(LIB)
	@mkdir -p $$(@D)
	@echo "  LD $$@"
	$$(Q)$$(CC) $$(SANITIZE) $$(LDFLAGS) -o $$@ $$^ $$(LIBS_$(1)) -lcmocka
endef

$(foreach p,$(PROGRAMS) $(TOOLS),$(eval $(call program_rules,$(p))))

# deploy/schemas.c takes these in.
$(OBJ)/deploy/schemas.o: $(wildcard configs/schema/*.json)

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)

# ---- what people call ------------------------------------------------------------------------------------

deps:
	@tools/deps.sh $(or $(DEPS),test)

run:
	@$(MAKE) --no-print-directory deps DEPS=run
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@tools/run.sh $(BIN)

up:
	@$(MAKE) --no-print-directory deps DEPS=run
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@tools/up.sh $(BIN)

images:
	@$(MAKE) --no-print-directory -j$$(nproc) $(if $(filter scratch,$(BASE)),all,$(BIN)/persistctl)
	@PLATFORM="$(PLATFORM)" BASE="$(BASE)" MODULES="$(MODULES)" tools/images.sh $(abspath $(BIN))

test:
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory format-check
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory e2e
	@$(MAKE) --no-print-directory conformance

# ONLY="test_a test_b": just these
UNIT_RUN = $(if $(ONLY),$(addprefix $(TESTBIN)/,$(ONLY)),$(UNIT_TESTS))
unit:
	@$(MAKE) --no-print-directory -j$$(nproc) $(UNIT_RUN)
	@tools/unit.sh $(UNIT_RUN)

e2e: all
	@PERSISTBUS_BIN=$(abspath $(BIN)) $(PYTHON) -m pytest -p no:cacheprovider -q tests/e2e

# BACKENDS="redis mongo": just these
conformance: all $(TOOLS:%=$(BIN)/%)
	@PERSISTBUS_BIN=$(abspath $(BIN)) $(PYTHON) -m pytest -p no:cacheprovider -q tests/conformance
	@PERSISTBUS_BIN=$(abspath $(BIN)) tests/conformance/run.sh $(BACKENDS)

# All six: the four services with servers of their own, and the two examples, built against the installed package.
certificates: all $(TOOLS:%=$(BIN)/%)
	@$(MAKE) --no-print-directory install PREFIX=$(abspath $(OUT))/package DESTDIR= >/dev/null
	@PERSISTBUS_BIN=$(abspath $(BIN)) PERSISTBUS_PACKAGE=$(abspath $(OUT))/package CERTIFICATES=$(abspath $(OUT))/certificates \
	    CFLAGS="$(CFLAGS) $(SANITIZE)" LDFLAGS="$(LDFLAGS) $(SANITIZE)" \
	    tests/conformance/run.sh $(or $(BACKENDS),sqlite redis postgres mongo file python)

check: all
	@[ -n "$(T)" ] || { echo "check: name a test: make check T=test_event, or T=restart"; exit 2; }
	@if [ -n "$(filter $(TESTBIN)/$(T),$(UNIT_TESTS))" ]; then \
	    $(MAKE) --no-print-directory $(TESTBIN)/$(T) && tools/unit.sh $(TESTBIN)/$(T); \
	else \
	    PERSISTBUS_BIN=$(abspath $(BIN)) $(PYTHON) -m pytest -p no:cacheprovider -v tests/e2e -k "$(T)"; \
	fi

bench: all
	@bench/run.sh $(BIN)

# Root is needed for cuts of the bus and for full disks; it says so if there are none.
CHAOS_SECONDS ?= 600
CHAOS_GROUPS ?= sqlite,redis:2,mongo
CHAOS_ARGS ?=
.PHONY: chaos
chaos: all
	@PERSISTBUS_BIN=$(abspath $(BIN)) $(PYTHON) tests/chaos/run.py --seconds $(CHAOS_SECONDS) --groups $(CHAOS_GROUPS) \
	    --writers 4 $(if $(filter 0,$(shell id -u)),--full-disks sqlite) $(CHAOS_ARGS)

# Everything built once more by clang, for libFuzzer; T=json runs that target alone.
FUZZ_SECONDS ?= 30
FUZZERS := $(patsubst tests/fuzz/%.c,$(OUT)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZED := address,undefined -fno-sanitize-recover=all

.PHONY: fuzz fuzzers
fuzz:
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory -j$$(nproc) CC=clang OUT=build/fuzzed SANITIZE='-fsanitize=fuzzer-no-link,$(FUZZED)' \
	    WARNINGS='-Wall -Wextra -Werror' fuzzers
	@tests/fuzz/run.sh build/fuzzed/fuzz $(FUZZ_SECONDS) $(T)
fuzzers: $(FUZZERS)
-include $(FUZZERS:%=%.d)
DEPLOY_OBJ := $(patsubst %.c,$(OBJ)/%.o,$(filter-out $(wildcard deploy/test_*.c),$(wildcard deploy/*.c)))
$(OUT)/fuzz/fuzz_deploy: tests/fuzz/fuzz_deploy.c $(DEPLOY_OBJ) $(LIB)
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(COMPILE) $(CFLAGS) -fsanitize=fuzzer,$(FUZZED) $(INCLUDE_persistctl) -o $@ $< $(DEPLOY_OBJ) $(LIB) $(LIBS_persistctl)
$(OUT)/fuzz/%: tests/fuzz/%.c $(OBJ_core-data) $(LIB)
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(COMPILE) $(CFLAGS) -fsanitize=fuzzer,$(FUZZED) $(INCLUDE_core-data) $(call pkg_cflags,$(PKG_COMMON)) -o $@ $< \
	    $(OBJ_core-data) $(LIB) $(LIBS_core-data)

FORMATTED = $(shell git ls-files -co --exclude-standard '*.c' '*.h')
format:
	$(CLANG_FORMAT) -i $(FORMATTED)
format-check:
	@$(CLANG_FORMAT) --dry-run --Werror $(FORMATTED)

SHARE = $(DESTDIR)$(PREFIX)/share/persistbus
DOC = $(DESTDIR)$(PREFIX)/share/doc/persistbus
EXAMPLES = $(or $(shell git ls-files examples 2>/dev/null),$(shell find examples -type f))
# What a program that links the archive needs besides. Named one by one: by "Requires.private" pkg-config would also ask for
# the static requirements of ZeroMQ, which some systems name and lack.
PRIVATE_LIBS = $(strip $(shell pkg-config --libs-only-l $(PKG_COMMON)) -lm -pthread)

install: all
	install -d $(DESTDIR)$(PREFIX)/{bin,lib/pkgconfig,include} $(SHARE) $(DOC)
	install -m 755 $(PROGRAMS:%=$(BIN)/%) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(LIB) $(DESTDIR)$(PREFIX)/lib
	install -m 755 $(SHARED) $(DESTDIR)$(PREFIX)/lib/libpersistbus.so.$(VERSION)
	ln -sf libpersistbus.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libpersistbus.so.0
	ln -sf libpersistbus.so.0 $(DESTDIR)$(PREFIX)/lib/libpersistbus.so
	cd common/include && find persistbus -name '*.h' -exec install -D -m 644 {} $(abspath $(DESTDIR)$(PREFIX))/include/{} \;
	install -m 644 $(wildcard configs/*.yaml configs/*.template.json) configs/example.env $(SHARE)
	for file in $(wildcard services/*/module.json); do \
	    install -D -m 644 $$file $(SHARE)/modules/$$(basename $$(dirname $$file))/module.json; done
	install -m 644 LICENSE $(wildcard docs/*.md) $(DOC)
	install -D -m 644 tools/persistctl/completion.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/persistctl
	for file in $(EXAMPLES); do install -D -m $$([ -x $$file ] && echo 755 || echo 644) $$file $(SHARE)/$$file; done
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|; s|@PRIVATE_LIBS@|$(PRIVATE_LIBS)|' common/persistbus.pc.in \
	    > $(DESTDIR)$(PREFIX)/lib/pkgconfig/persistbus.pc

clean:
	rm -rf build
