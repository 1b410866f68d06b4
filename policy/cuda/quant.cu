// policy/cuda/quant.cu -- one read of a matrix, two quantised copies: by rows and by columns.
//
// Place: the entry quant_both of kernels_cuda (policy/kernels.h). The forward and
// input-gradient products want 1x128 tiles along the columns, the weight gradient wants them along
// the rows (tokens), and a transposed tile is another tile: both are made from one read
// (DeepSeek-V3, 3.3).
//
// Shape of the work: one block per 128 x 128 square. A warp reads a row of it, which is one tile by
// rows: its codes leave at once. The values wait in shared memory, 129 to a row; then a warp takes
// 4 columns at a time, 8 lanes a column: lane l reads rows 4(l%8)..+3 of each 32, which is bank
// 4(l%8) + i + l/8, so no two lanes meet. Bound by memory: 2 or 4 bytes in, 2 bytes out per
// value. 66 KB of shared memory: 3 blocks on an SM.
#include <cuda_bf16.h>

#include "policy/cuda/e4m3.cuh"

namespace {

constexpr int WARPS = 8, PITCH = TILE + 1;
constexpr size_t SMEM_BYTES = sizeof(float) * TILE * PITCH;

__device__ __forceinline__ float to_float(float x) {
    return x;
}
__device__ __forceinline__ float to_float(__nv_bfloat16 x) {
    return __bfloat162float(x);
}

// One of the two copies that are written; codes NULL = not wanted.
struct Copy {
    unsigned char *codes;
    float *scale;
    int stride;
    bool aligned;
};

// grid: (ceil(cols/128), ceil(rows/128))   block: 32 * WARPS   shared: SMEM_BYTES
template <class T>
__global__ void __launch_bounds__(32 * WARPS)
    quant_both_kernel(Copy by_row, Copy by_col, const T *x, int x_stride, int rows, int cols) {
    DYN_SMEM(float, square); // [TILE][PITCH]
    const int warp = (int)threadIdx.x >> 5, lane = (int)threadIdx.x & 31;
    const int r0 = (int)blockIdx.y * TILE, c0 = (int)blockIdx.x * TILE;
    const int row_tiles = (cols + TILE - 1) / TILE, col_tiles = (rows + TILE - 1) / TILE;

    for (int r = warp; r < TILE; r += WARPS) {
        const int c = c0 + lane * 4;
        float v[4], amax = 0;
        for (int i = 0; i < 4; i++) {
            const bool inside = r0 + r < rows && c + i < cols;
            v[i] = inside ? to_float(x[(size_t)(r0 + r) * x_stride + c + i]) : 0.0f;
            square[r * PITCH + lane * 4 + i] = v[i];
            amax = fmaxf(amax, fabsf(v[i]));
        }
        if (!by_row.codes || r0 + r >= rows) continue; // the whole warp
        const float scale = e4m3_scale(warp_max(amax));
        if (lane == 0) by_row.scale[(size_t)(r0 + r) * row_tiles + blockIdx.x] = scale;
        e4m3_store(by_row.codes + (size_t)(r0 + r) * by_row.stride + c, e4m3_pack(v, scale),
                   cols - c, by_row.aligned);
    }
    if (!by_col.codes) return; // the whole block
    __syncthreads();

    const int part = lane & 7;
    for (int c = warp * 4 + (lane >> 3); c < TILE; c += WARPS * 4) {
        float v[4][4], amax = 0;
        for (int j = 0; j < 4; j++)
            for (int i = 0; i < 4; i++) {
                v[j][i] = square[(32 * j + 4 * part + i) * PITCH + c];
                amax = fmaxf(amax, fabsf(v[j][i]));
            }
        for (int bit = 4; bit > 0; bit >>= 1)
            amax = fmaxf(amax, __shfl_xor_sync(0xffffffffu, amax, bit));
        if (c0 + c >= cols) continue; // after the shuffle: the lanes of a warp have four columns
        const float scale = e4m3_scale(amax);
        if (part == 0) by_col.scale[(size_t)(c0 + c) * col_tiles + blockIdx.y] = scale;
        for (int j = 0; j < 4; j++) {
            const int r = r0 + 32 * j + 4 * part;
            e4m3_store(by_col.codes + (size_t)(c0 + c) * by_col.stride + r, e4m3_pack(v[j], scale),
                       rows - r, by_col.aligned);
        }
    }
}

Copy copy_of(KernelView v) {
    return Copy{static_cast<unsigned char *>(v.data), v.scale, v.stride, e4m3_aligned(v)};
}

template <class T>
Status run(const CudaDevice *d, KernelView by_row, KernelView by_col, KernelView x) {
    CUDA_TRY(cudaFuncSetAttribute(reinterpret_cast<const void *>(&quant_both_kernel<T>),
                                  cudaFuncAttributeMaxDynamicSharedMemorySize, (int)SMEM_BYTES));
    const dim3 grid((unsigned)((x.cols + TILE - 1) / TILE), (unsigned)((x.rows + TILE - 1) / TILE));
    CHECK(grid.y <= 65535);
    LAUNCH((quant_both_kernel<T>), grid, 32 * WARPS, SMEM_BYTES, d->stream, copy_of(by_row),
           copy_of(by_col), static_cast<const T *>(x.data), x.stride, x.rows, x.cols);
    CUDA_TRY(cudaGetLastError());
    return ST_OK;
}

} // namespace

Status cuda_quant_both(void *dev, KernelView by_row, KernelView by_col, KernelView x) {
    CHECK(x.dtype == DTYPE_F32 || x.dtype == DTYPE_BF16);
    CHECK(!by_row.data ||
          (by_row.dtype == DTYPE_E4M3 && by_row.rows == x.rows && by_row.cols == x.cols));
    CHECK(!by_col.data ||
          (by_col.dtype == DTYPE_E4M3 && by_col.rows == x.cols && by_col.cols == x.rows));
    if (x.rows == 0 || x.cols == 0 || (!by_row.data && !by_col.data)) return ST_OK;
    const CudaDevice *d = cuda_device(dev);
    return x.dtype == DTYPE_F32 ? run<float>(d, by_row, by_col, x)
                                : run<__nv_bfloat16>(d, by_row, by_col, x);
}
