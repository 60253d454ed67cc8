# make run     installs what is missing, builds, runs a demonstration container (root)
# make test    the same, and all tests and linters (root)
# make help    the other targets

PYTHON := /usr/bin/python3
PREFIX ?= /usr/local
DESTDIR ?=
LIBDIR = $(PREFIX)/lib/pyruntime
BUILD := build

BUILD_PACKAGES := python3 python3-dev python3-setuptools python3-cffi python3-seccomp gcc libc6-dev musl-tools
RUN_PACKAGES := busybox-static
TEST_PACKAGES := $(RUN_PACKAGES) python3-pytest python3-hypothesis python3-jsonschema python3-venv \
	runc crun dbus-daemon procps clang-format iproute2 util-linux mount libcap2-bin

SOURCES := $(shell find csrc schemas pyruntime -name '*.[ch]' -o -name '*.json' -o -name '*.py' | \
	grep -vE 'plan_gen.h|schema_gen.py|_build.py|/_sd_bus.py')

.PHONY: help run build test lint unit integration bench install uninstall clean conformance-table conformance \
	conformance-vm vm-image vm-test vm-matrix vm-helpers build-packages run-packages test-packages e2e e2e-packages
.DELETE_ON_ERROR:

help:
	@echo 'make build                       build the tree in place: bin/pyruntime'
	@echo 'make run                         run a small container and show it from inside (root)'
	@echo 'make test                        linters and all tests (root)'
	@echo 'make lint | unit | integration   a part of them'
	@echo 'make conformance                 the validation programs of the OCI, with pyruntime and runc (root)'
	@echo 'make conformance-vm              the same in a virtual machine: cgroup v2, all capabilities (root)'
	@echo 'make vm-image | vm-test          make the virtual machine | run the tests that need it (root)'
	@echo 'make vm-matrix                   a part of them: every kind of cgroups, caller and security module'
	@echo 'make e2e                         containerd and other engines, with pyruntime and runc (root)'
	@echo 'make conformance-table           write the generated documents again'
	@echo 'make bench                       time every command against runc and crun (root)'
	@echo 'make install [PREFIX= DESTDIR=]  install the command, the package and the init program'
	@echo 'make uninstall                   remove them'
	@echo 'make clean                       remove everything that was built'

# Installs Debian packages that are missing, and asks apt only then.
define need
	@missing=$$(dpkg-query -W -f '$${Package} $${db:Status-Abbrev}\n' $(1) 2>/dev/null | \
		awk '$$2 == "ii" { sub(/:.*/, "", $$1); print $$1 }' | sort -u | \
		{ cat; echo; } | grep -vxFf - <(printf '%s\n' $(1)) || true); \
	if [ -n "$$missing" ]; then \
		echo "installing:" $$missing; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -qq -y --no-install-recommends $$missing >/dev/null; \
	fi
endef
SHELL := /bin/bash

build-packages:
	$(call need,$(BUILD_PACKAGES))

run-packages:
	$(call need,$(RUN_PACKAGES))

test-packages:
	$(call need,$(TEST_PACKAGES))

build: build-packages bin/pyruntime

bin/pyruntime: $(BUILD)/stamp
	@$(PYTHON) -m pyruntime.launcher.build bin/pyruntime $(CURDIR)
	@touch bin/pyruntime

$(BUILD)/stamp: $(SOURCES) setup.py
	@mkdir -p $(BUILD)
	@$(PYTHON) setup.py --quiet build_in_place
	@$(PYTHON) -m compileall -q pyruntime
	@touch $@

run: build run-packages
	@$(PYTHON) tests/helpers/demo.py bin/pyruntime $(BUILD)/demo

test: build test-packages lint
	@$(PYTHON) -m pytest

unit: build
	@$(PYTHON) -m pytest tests/unit tests/meta

integration: build test-packages
	@$(PYTHON) -m pytest tests/cli tests/native tests/integration

# --- linters: those that Debian does not have come into a virtual environment of their own

LINT := .cache/lint
LINT_TOOLS := ruff==0.17.6 mypy==2.4.1
C_FILES := $(wildcard csrc/*/*.[ch])
C_FLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -fsyntax-only -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes \
	-Wmissing-prototypes -Wconversion -Werror -fno-common
PYTHON_FLAGS = $(subst -I,-isystem ,$(shell $(PYTHON)-config --includes)) \
	-DPACKAGE_PARENT='""' -DBUNDLE='""' -DMODULE_PATH='""' -DPYTHON='""'

$(LINT)/bin/ruff: Makefile
	@rm -rf $(LINT) && $(PYTHON) -m venv $(LINT)
	@$(LINT)/bin/pip install --quiet --disable-pip-version-check $(LINT_TOOLS)
	@touch $@

lint: test-packages build $(LINT)/bin/ruff
	@$(LINT)/bin/ruff check --quiet .
	@$(LINT)/bin/ruff format --quiet --check .
	@$(LINT)/bin/mypy --no-error-summary
	@clang-format --dry-run --Werror $(filter-out %plan_gen.h,$(C_FILES))
	@for file in $(wildcard csrc/*/*.c); do gcc $(C_FLAGS) $(PYTHON_FLAGS) $$file || exit 1; done

conformance-table:
	@$(PYTHON) -m conformance.table
	@$(PYTHON) -m conformance.beyond
	@$(PYTHON) -m conformance.replay.document
	@$(PYTHON) -m conformance.matrix

# The Go client fetches the programs; which runtimes they are run with can be chosen: RUNTIMES='pyruntime crun'.
RUNTIMES := pyruntime runc

conformance-packages:
	$(if $(shell command -v go),,$(call need,golang-go))

conformance: build test-packages conformance-packages
	@$(PYTHON) -m conformance.suite $(RUNTIMES:%=--runtime %)

# --- virtual machines: systemd, pure cgroup v2, AppArmor or SELinux (tests/vm/lane)

VM := .cache/vm
VM_PACKAGES := debootstrap qemu-system-x86 qemu-utils cpio kmod e2fsprogs xz-utils
VM_RUN := $(PYTHON) -m tests.vm.lane run --timeout 5000

vm-image: $(VM)/snapshot-apparmor/complete $(VM)/snapshot-selinux/complete

$(VM)/root.img: tests/vm/lane/build.sh $(wildcard tests/vm/lane/guest/*)
	$(call need,$(VM_PACKAGES))
	@tests/vm/lane/build.sh $(CURDIR)/$(VM)

$(VM)/snapshot-%/complete: $(VM)/root.img tests/vm/lane/machine.py
	@$(PYTHON) -m tests.vm.lane snapshot --lsm $*

# Compiled here, as are the tests: there it would take a minute, and the trees of machines are gone with them.
vm-helpers: test-packages
	@$(PYTHON) -m tests.support.helpers
	@$(PYTHON) -m pytest --collect-only tests/integration tests/vm >/dev/null

# All of it, two machines at a time; a part: make vm-test JOBS="matrix". With runc: make vm-test RUNTIME=runc
vm-test: build vm-image vm-helpers
	@$(if $(RUNTIME),RUNTIME=$(RUNTIME)) $(PYTHON) -m tests.vm.lane suite $(foreach job,$(JOBS),'$(job)')

# A machine with each hierarchy of cgroups and each security module: docs/matrix.md
vm-matrix:
	@$(MAKE) --no-print-directory vm-test JOBS=matrix

conformance-vm: build vm-image conformance-packages
	@$(PYTHON) -m conformance.suite --install-only
	@$(VM_RUN) 'python3 -m conformance.suite --installed --timeout 300 $(RUNTIMES:%=--runtime %)'

# --- engines (tests/e2e); a part: make e2e ENGINES=containerd

E2E_PACKAGES := containerd docker.io podman conmon netavark slirp4netns containernetworking-plugins iptables
ENGINES :=

# No daemon is started by being installed, whatever the host is.
e2e-packages: export RUNLEVEL := 1
e2e-packages:
	$(call need,$(E2E_PACKAGES))

# What Debian does not have, or not as new: kept below .cache, and left out where no Go client can make it.
E2E_GO := .cache/e2e/go
E2E_TOOLS := sigs.k8s.io/cri-tools/cmd/crictl@v1.36.0 \
	$(addprefix github.com/containerd/containerd/v2/cmd/,$(addsuffix @v2.3.4,containerd containerd-shim-runc-v2 ctr))

# Of these the hashes are kept: nerdctl is not in Go's database of them, and critest is a test.
E2E_MODULES := tests/e2e/go
export_go = export GOPATH=$(CURDIR)/$(E2E_GO) GOFLAGS=-modcacherw CGO_ENABLED=0; bin=$(CURDIR)/$(E2E_GO)/bin
left_out = 2>/dev/null || echo "is left out: $(1)"

$(E2E_GO)/stamp: Makefile $(wildcard $(E2E_MODULES)/*/go.*)
	@mkdir -p $(E2E_GO)
	@if ! command -v go >/dev/null; then echo 'what Go programs are is left out, as there is no go'; exit; fi; \
	$(export_go); for tool in $(E2E_TOOLS); do \
		echo "go install $$tool"; go install $$tool $(call left_out,$$tool); \
	done; \
	echo 'go build nerdctl'; \
	(cd $(E2E_MODULES)/nerdctl && go build -o $$bin github.com/containerd/nerdctl/v2/cmd/nerdctl) \
		$(call left_out,nerdctl); \
	echo 'go test -c critest'; \
	(cd $(E2E_MODULES)/critest && go test -c -o $$bin/critest sigs.k8s.io/cri-tools/cmd/critest) \
		$(call left_out,critest)
	@touch $@

e2e: build test-packages e2e-packages $(E2E_GO)/stamp
	@$(PYTHON) -m tests.e2e --texts --document --times $(if $(ENGINES),$(ENGINES:%=--engine %),--critest)

bench: build test-packages
	@$(PYTHON) tests/bench/commands.py

# --- installation

install: build
	install -d $(DESTDIR)$(LIBDIR) $(DESTDIR)$(PREFIX)/bin
	rm -rf $(DESTDIR)$(LIBDIR)/pyruntime
	find pyruntime -name '*.py' -o -name '*.so' -o -name pyruntime-init | \
		while read file; do install -D -m 644 $$file $(DESTDIR)$(LIBDIR)/$$file || exit 1; done
	chmod 755 $(DESTDIR)$(LIBDIR)/pyruntime/native/pyruntime-init
	$(PYTHON) -m compileall -q -s '$(DESTDIR)' $(DESTDIR)$(LIBDIR)/pyruntime
	$(PYTHON) -m pyruntime.launcher.build $(DESTDIR)$(PREFIX)/bin/pyruntime $(LIBDIR) \
		$(DESTDIR)$(LIBDIR)/pyruntime

uninstall:
	rm -rf $(DESTDIR)$(LIBDIR)
	rm -f $(DESTDIR)$(PREFIX)/bin/pyruntime

clean:
	rm -rf $(BUILD) bin .cache dist *.egg-info
	rm -f csrc/common/plan_gen.h pyruntime/config/schema_gen.py pyruntime/_build.py pyruntime/modules.bundle \
		pyruntime/util/_sd_bus.py \
		pyruntime/native/pyruntime-init pyruntime/native/_native*
	find . -name __pycache__ -prune -exec rm -rf {} +
