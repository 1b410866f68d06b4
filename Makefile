# One Makefile for the whole house; make never calls itself on another folder.
#
#   make                 the program          build/release/grpo
#   make test            build and run all tests
#   make run ARGS="ops"  build and run the program
#   make SAN=asan test   the same under AddressSanitizer + UBSan (SAN=tsan: threads)
#   make SAN=fuzz fuzz   feed every tests/fuzz_*.c random bytes for SECONDS each (clang)
#   make CUDA=0          leave the CUDA kernels out (found by itself otherwise)
#   make lint | format | compile_commands.json | clean;  V=1 shows the commands
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:

Q     := $(if $(V),,@)
CC    ?= cc
CXX   ?= c++
NVCC  ?= $(or $(shell command -v nvcc 2>/dev/null),$(wildcard /usr/local/cuda/bin/nvcc))
CUDA  ?= $(if $(NVCC),1,0)
SAN   ?= none
SM    ?= 90a
B     := build/$(if $(filter none,$(SAN)),release,$(SAN))$(if $(filter 0,$(CUDA)),-cpu)

GIT   := $(or $(shell git rev-parse --short HEAD 2>/dev/null),unknown)

ROOMS := base sandbox datasets policy policy/io policy/cpu verifiers rollout rl sft pipelines
SRC   := $(wildcard $(ROOMS:%=%/*.c)) $(if $(filter 1,$(CUDA)),$(wildcard policy/cuda/*.cu))
LIB   := $(patsubst %,$B/%.o,$(filter-out pipelines/main.c,$(SRC)))
TESTS := $(patsubst tests/%.c,$B/tests/%,$(wildcard tests/test_*.c))

WARN   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wdouble-promotion
CFLAGS += -std=c17 -ffp-contract=off -D_GNU_SOURCE -I. -DHAVE_CUDA=$(CUDA) -O2 -g -fno-omit-frame-pointer $(WARN)
NVFLAGS += -std=c++20 -I. -DHAVE_CUDA=1 -O3 -g -lineinfo -Xcompiler -Wall \
           -gencode arch=compute_$(SM),code=sm_$(SM)
LDLIBS += -lcjson -lpcre2-8 -lutf8proc -lgmp -lz -lm -lpthread
ifeq ($(CUDA),1)
  CUDA_HOME := $(patsubst %/bin/nvcc,%,$(realpath $(NVCC)))
  LDLIBS += -L$(CUDA_HOME)/lib64 -L$(CUDA_HOME)/targets/x86_64-linux/lib -lcudart_static -ldl -lrt -lstdc++
endif
ifeq ($(SAN),asan)
  CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all
  export ASAN_OPTIONS ?= detect_leaks=1:allow_user_segv_handler=0:protect_shadow_gap=0
endif
ifeq ($(SAN),tsan)
  CFLAGS += -fsanitize=thread
endif
ifeq ($(SAN),fuzz)
  override CC := clang
  CFLAGS += -fsanitize=fuzzer-no-link,address,undefined
endif

say = @printf '  %s $@\n'

all: $(if $(wildcard pipelines/main.c),$B/grpo,$B/libgrpo.a)

$B/grpo: $B/pipelines/main.c.o $B/libgrpo.a
	$(say) LINK
	$Q$(CC) $(CFLAGS) $^ $(LDLIBS) -o $@

$B/libgrpo.a: $(LIB)
	@rm -f $@; ar rcs $@ $^

$B/%.c.o: %.c $B/flags
	@mkdir -p $(@D)
	$(say) CC
	$Q$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$B/%.cu.o: %.cu $B/flags
	@mkdir -p $(@D)
	$(say) NVCC
	$Q$(NVCC) $(NVFLAGS) -MMD -MP -c $< -o $@

$B/tests/test_%: $B/tests/test_%.c.o $B/libgrpo.a
	$(say) LINK
	$Q$(CC) $(CFLAGS) $^ $(LDLIBS) -lcmocka -o $@

# The AMX row a second time, its tiles emulated: proven bit for bit where there is no AMX.
$B/policy/cpu/gemm_amx_emulated.o: policy/cpu/gemm_amx.c policy/cpu/tile.h $B/flags
	@mkdir -p $(@D)
	$(say) CC
	$Q$(CC) $(CFLAGS) -DTILE_EMULATED -MMD -MP -c $< -o $@
$B/tests/test_gemm: $B/policy/cpu/gemm_amx_emulated.o

$B/tests/fuzz_%: $B/tests/fuzz_%.c.o $B/libgrpo.a
	$(say) LINK
	$Q$(CC) $(CFLAGS) -fsanitize=fuzzer $^ $(LDLIBS) -o $@

# Files that an object takes in (pipelines/embed.h), and the commit that the program names.
$B/pipelines/recipe.c.o: $(wildcard pipelines/recipes/*.json)
$B/pipelines/report_page.c.o: $(wildcard pipelines/report_page.*s)
$B/pipelines/command.c.o: CFLAGS += -DGRPO_GIT='"$(GIT)"'
$B/pipelines/command.c.o: $B/git
$B/git: FORCE
	@mkdir -p $(@D)
	@echo '$(GIT)' | cmp -s - $@ || echo '$(GIT)' >$@

# Changes only when the flags do, so a new flag rebuilds everything and nothing else does.
$B/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS) | $(NVCC) $(NVFLAGS)' | cmp -s - $@ || echo '$(CC) $(CFLAGS) | $(NVCC) $(NVFLAGS)' >$@

tests: $(TESTS)

test: $(TESTS) headers
	@tests/floors.sh
	@bad=0; for t in $(TESTS); do ./$$t || bad=$$((bad+1)); done; \
	 echo "$$(($(words $(TESTS))-bad)) passed, $$bad failed"; [ $$bad -eq 0 ]

run: $B/grpo
	./$< $(ARGS)

fuzz: $(patsubst tests/%.c,$B/tests/%,$(wildcard tests/fuzz_*.c))
	@[ '$(SAN)' = fuzz ] || { echo 'say: make SAN=fuzz fuzz'; exit 2; }
	@for f in $^; do mkdir -p $$f.corpus; ./$$f -max_total_time=$(or $(SECONDS),10) $$f.corpus || exit 1; done

# Every header stands alone, in C and in the C++ that nvcc compiles.
headers: $(patsubst %,$B/%.ok,$(wildcard $(ROOMS:%=%/*.h)))
$B/%.h.ok: %.h
	@mkdir -p $(@D)
	@$(CC) -std=c17 -D_GNU_SOURCE -I. -Wall -Wextra -fsyntax-only -x c $< && \
	 $(CXX) -std=c++20 -D_GNU_SOURCE -I. -Wall -Wextra -fsyntax-only -x c++ $< && touch $@

lint: headers
	$Qcppcheck --quiet --error-exitcode=1 --std=c11 -I. --inline-suppr --enable=warning,portability $(ROOMS)
	$Qclang-tidy --quiet $(filter %.c,$(SRC)) -- -std=c17 -D_GNU_SOURCE -I. -DHAVE_CUDA=0
format:
	clang-format -i $$(git ls-files '*.c' '*.h' '*.cu' '*.cuh')

# What clangd and clang-tidy read; written from the same lists the build uses.
compile_commands.json: Makefile $(filter %.c,$(SRC))
	@{ echo '['; sep=; for f in $(filter %.c,$(SRC)) $(wildcard tests/*.c); do \
	  printf '%s{"directory":"%s","file":"%s","command":"cc %s -c %s"}' "$$sep" '$(CURDIR)' $$f '$(CFLAGS)' $$f; \
	  sep=',\n'; done | sed 's/,\\n/,\n/g'; echo; echo ']'; } >$@

clean:
	rm -rf build compile_commands.json
FORCE:
.PHONY: all tests test run fuzz headers lint format clean FORCE
.SECONDARY:
-include $(patsubst %.o,%.d,$(LIB)) $(TESTS:%=%.c.d) $B/pipelines/main.c.d
