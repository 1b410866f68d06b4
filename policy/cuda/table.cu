// policy/cuda/table.cu -- a device, its memory and its stream, and the row kernels_cuda.
#include <stdlib.h>

#include "policy/cuda/cuda.cuh"
#include "policy/cuda/device.h"

extern "C" int cuda_device_count(void) {
    int n = 0;
    if (cudaGetDeviceCount(&n) != cudaSuccess) {
        (void)cudaGetLastError(); // "no driver" is an answer, not a pending error
        return 0;
    }
    return n;
}

extern "C" Status cuda_device_open(int ordinal, void **dev) {
    *dev = nullptr;
    CUDA_TRY(cudaSetDevice(ordinal));
    cudaStream_t stream;
    CUDA_TRY(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    CudaDevice *d = static_cast<CudaDevice *>(malloc(sizeof *d));
    CHECK(d != nullptr);
    *d = CudaDevice{ordinal, stream};
    *dev = d;
    return ST_OK;
}

extern "C" void cuda_device_close(void *dev) {
    CudaDevice *d = static_cast<CudaDevice *>(dev);
    if (!d) return;
    (void)cudaStreamDestroy(d->stream); // nothing sensible is left to do where this fails
    free(d);
}

namespace {

Status alloc(void *dev, size_t bytes, void **out) {
    const CudaDevice *d = cuda_device(dev);
    *out = nullptr;
    CUDA_TRY(cudaSetDevice(d->ordinal));
    const cudaError_t e = cudaMalloc(out, bytes ? bytes : 1);
    if (e != cudaSuccess) {
        (void)cudaGetLastError();
        return FAIL(e == cudaErrorMemoryAllocation ? ST_NOMEM : ST_CUDA,
                    "GPU %d: cannot allocate %zu bytes: %s", d->ordinal, bytes,
                    cudaGetErrorString(e));
    }
    CUDA_TRY(cudaMemsetAsync(*out, 0, bytes, d->stream));
    return ST_OK;
}

void release(void *dev, void *memory) {
    (void)dev;
    (void)cudaFree(memory);
}

Status sync(void *dev) {
    CUDA_TRY(cudaStreamSynchronize(cuda_device(dev)->stream));
    return ST_OK;
}

// Host memory may be pageable and is the caller's again on return, so both copies wait.
Status upload(void *dev, void *to, const void *from, size_t bytes) {
    CUDA_TRY(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, cuda_device(dev)->stream));
    return sync(dev);
}

Status download(void *dev, void *to, const void *from, size_t bytes) {
    CUDA_TRY(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, cuda_device(dev)->stream));
    return sync(dev);
}

} // namespace

extern "C" const Kernels kernels_cuda = {
    .name = "cuda",
    .alloc = alloc,
    .release = release,
    .upload = upload,
    .download = download,
    .sync = sync,
    .rmsnorm_quant = cuda_rmsnorm_quant,
    .quant_both = cuda_quant_both,
    .logprob = cuda_logprob,
    .logprob_grad = cuda_logprob_grad,
};
