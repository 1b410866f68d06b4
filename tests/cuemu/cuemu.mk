# tests/cuemu/cuemu.mk -- the CUDA kernels on the CPU shim; part of the one Makefile.
#
# g++ compiles the .cu files that nvcc compiles, for the shim (tests/cuemu/include comes first in the
# path), and links them into test_ops_parity_cuemu before the archive. test_ops_parity itself is the same
# test on a real GPU. Needs CUDA's headers, no GPU and no nvcc; without them it is left out by name.
CUDA_INC ?= $(firstword $(wildcard $(patsubst %,%/cuda_runtime_api.h,/usr/local/cuda/targets/x86_64-linux/include \
            /usr/local/cuda/include /usr/include)))
# /usr/include as a system folder hides the C headers from those of C++; g++ looks there anyhow.
CUEMU_INC := $(patsubst %/cuda_runtime_api.h,%,$(CUDA_INC))
CUEMU_FLAGS := -x c++ -std=c++20 -O2 -g -Wall -Wextra -Wno-missing-field-initializers \
            -fno-strict-aliasing \
            -fsanitize=alignment -fsanitize-undefined-trap-on-error -DCUEMU -Itests/cuemu/include \
            $(patsubst %,-isystem %,$(filter-out /usr/include,$(CUEMU_INC))) -I.
ifeq ($(SAN),asan)
  CUEMU_FLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all
endif
CUEMU_OBJ := $(patsubst %,$B/cuemu/%.o,$(wildcard policy/cuda/*.cu tests/cuemu/*.cc))

ifneq ($(CUDA),1)
  TESTS := $(filter-out $B/tests/test_ops_parity,$(TESTS))
endif
ifeq ($(CUEMU_INC),)
  $(info skipped: the CUDA kernels on the CPU: no CUDA headers (set CUDA_INC=.../cuda_runtime_api.h))
else ifeq ($(SAN),tsan)
  $(info skipped: the CUDA kernels on the CPU under tsan: fibers on one thread have no races to find)
else
  TESTS += $B/tests/test_ops_parity_cuemu
endif
CUEMU_LIBS = $(filter -fsanitize=%,$(CFLAGS)) $(LDLIBS) -lcmocka
export CUEMU_FLAGS CUEMU_OBJ CUEMU_LIBS

$B/cuemu/%.o: % $B/flags
	@mkdir -p $(@D)
	$(say) CXX $@
	$Q$(CXX) $(CUEMU_FLAGS) -MMD -MP -c $< -o $@

$B/tests/test_ops_parity_cuemu: $B/tests/test_ops_parity.c.o $(CUEMU_OBJ) $B/libgrpo.a
	@mkdir -p $(@D)
	$(say) LINK $@
	$Q$(CXX) $^ $(CUEMU_LIBS) -o $@

-include $(CUEMU_OBJ:.o=.d)

# The programs of tests/gpu/run.sh, for a machine with a GPU.
gpu: $B/tests/test_ops_parity $B/tests/gpu/bench_ops
$B/tests/gpu/bench_ops: $B/tests/gpu/bench_ops.c.o $B/libgrpo.a
	$(say) LINK $@
	$Q$(CC) $(CFLAGS) $^ $(LDLIBS) -o $@
.PHONY: gpu
