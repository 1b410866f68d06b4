// policy/cuda/rmsnorm.cu -- RMS normalisation of rows, straight into E4M3.
//
// Place: the entry rmsnorm_quant of kernels_cuda (policy/kernels.h has contract and
// formula); its truth is the CPU row; tests/test_ops_parity.c holds the two together.
//
// Shape of the work: one block per row. Pass one sums squares, pass two reads the row again (from
// L2), scales it, and each warp turns a tile of 128 columns into codes with one shuffle reduction.
// Bound by memory: 4 bytes in, 1 byte out per value. No atomics: the same bits every run.
#include "policy/cuda/e4m3.cuh"

namespace {

constexpr int WARPS = 8;

// grid: rows   block: 32 * WARPS   shared: WARPS floats
__global__ void __launch_bounds__(32 * WARPS)
    rmsnorm_quant_kernel(unsigned char *out, int out_stride, float *scale, int n_tiles,
                         bool aligned, float *rstd, const float *x, int x_stride, const float *gain,
                         int cols, float eps) {
    SMEM(float, share, WARPS);
    const int row = (int)blockIdx.x, warp = (int)threadIdx.x >> 5, lane = (int)threadIdx.x & 31;
    x += (size_t)row * x_stride;
    out += (size_t)row * out_stride;

    float sq = 0;
    for (int c = (int)threadIdx.x; c < cols; c += 32 * WARPS) sq += x[c] * x[c];
    const float mean = __fdiv_rn(block_sum<WARPS>(sq, share), (float)cols);
    const float s = __fdiv_rn(1.0f, __fsqrt_rn(mean + eps));
    if (rstd && threadIdx.x == 0) rstd[row] = s;

    for (int tile = warp; tile < n_tiles; tile += WARPS) {
        const int c = tile * TILE + lane * 4;
        float v[4], amax = 0;
        for (int i = 0; i < 4; i++) {
            v[i] = c + i < cols ? x[c + i] * s * gain[c + i] : 0.0f;
            amax = fmaxf(amax, fabsf(v[i]));
        }
        const float tile_scale = e4m3_scale(warp_max(amax));
        if (lane == 0) scale[(size_t)row * n_tiles + tile] = tile_scale;
        e4m3_store(out + c, e4m3_pack(v, tile_scale), cols - c, aligned);
    }
}

} // namespace

Status cuda_rmsnorm_quant(void *dev, KernelView y, float *rstd, KernelView x, const float *gain,
                          float eps) {
    CHECK(x.dtype == DTYPE_F32 && y.dtype == DTYPE_E4M3 && y.scale);
    CHECK(x.rows == y.rows && x.cols == y.cols);
    if (x.rows == 0 || x.cols == 0) return ST_OK; // an empty grid is a CUDA error
    const int n_tiles = (x.cols + TILE - 1) / TILE;
    LAUNCH(rmsnorm_quant_kernel, x.rows, 32 * WARPS, 0, cuda_device(dev)->stream,
           static_cast<unsigned char *>(y.data), y.stride, y.scale, n_tiles, e4m3_aligned(y), rstd,
           static_cast<const float *>(x.data), x.stride, gain, x.cols, eps);
    CUDA_TRY(cudaGetLastError());
    return ST_OK;
}
