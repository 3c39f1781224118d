// The loops over time of LSTM and GRU, for XLA on a CPU. Rows of a batch never meet inside of such a loop: each thread
// takes some rows through all steps, and waits for nobody. Arrays are (time, batch, ...). The bits of a row do not
// depend on the rows that its thread takes: each number is a sum in the same order, rounded alike (`fused`).
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "share.h"

using Mask = ffi::Buffer<ffi::PRED>;

#ifdef __AVX512F__
constexpr int W = 16, TALL = 8;
#else
constexpr int W = 8, TALL = 4;
#endif
typedef float Vec __attribute__((vector_size(4 * W), aligned(4), may_alias));

// a b + c, rounded once where the processor can. A compiler that may choose decides differently for each loop.
inline float fused(float a, float b, float c) {
#ifdef __FP_FAST_FMAF
  return std::fma(a, b, c);
#else
  return a * b + c;
#endif
}

inline Vec fused(float a, Vec b, Vec c) {
#if defined(__AVX512F__)
  return (Vec)_mm512_fmadd_ps(_mm512_set1_ps(a), (__m512)b, (__m512)c);
#elif defined(__FMA__)
  return (Vec)_mm256_fmadd_ps(_mm256_set1_ps(a), (__m256)b, (__m256)c);
#else
  for (int i = 0; i < W; i++) c[i] = fused(a, b[i], c[i]);
  return c;
#endif
}

// C += A B for M rows and N * W columns of C, which stay in registers.
template <int M, int N>
inline void tile(int64_t K, const float* A, int64_t row, int64_t column, const float* B, int64_t ldb, float* C,
                 int64_t ldc) {
  Vec sum[M][N];
  for (int m = 0; m < M; m++)
    for (int n = 0; n < N; n++) sum[m][n] = *(const Vec*)(C + m * ldc + n * W);
  for (int64_t k = 0; k < K; k++)
    for (int n = 0; n < N; n++) {
      Vec b = *(const Vec*)(B + k * ldb + n * W);
      for (int m = 0; m < M; m++) sum[m][n] = fused(A[m * row + k * column], b, sum[m][n]);
    }
  for (int m = 0; m < M; m++)
    for (int n = 0; n < N; n++) *(Vec*)(C + m * ldc + n * W) = sum[m][n];
}

template <int M>
inline void rows(int64_t N, int64_t K, const float* A, int64_t row, int64_t column, const float* B, float* C) {
  int64_t n = 0;
  for (; n + 2 * W <= N; n += 2 * W) tile<M, 2>(K, A, row, column, B + n, N, C + n, N);
  for (; n + W <= N; n += W) tile<M, 1>(K, A, row, column, B + n, N, C + n, N);
  for (int m = 0; m < M; m++)
    for (int64_t k = 0; k < K; k++)
      for (int64_t i = n; i < N; i++) C[m * N + i] = fused(A[m * row + k * column], B[k * N + i], C[m * N + i]);
}

// C (M, N) += A (M, K) B (K, N), with A's strides for a row and a column.
template <int ROWS = TALL>
void product(int64_t M, int64_t N, int64_t K, const float* A, int64_t row, int64_t column, const float* B, float* C) {
  int64_t m = 0;
  for (; m + ROWS <= M; m += ROWS) rows<ROWS>(N, K, A + m * row, row, column, B, C + m * N);
  if constexpr (ROWS > 1)
    if (m < M) product<ROWS / 2>(M - m, N, K, A + m * row, row, column, B, C + m * N);
}

// The quotient of polynomials that Eigen and XLA take for tanh; a loop over it becomes vector code.
inline float tanh_(float x) {
  x = x < -7.90531110763549805f ? -7.90531110763549805f : x;
  x = x > 7.90531110763549805f ? 7.90531110763549805f : x;
  float s = x * x, p = -2.76076847742355e-16f, q = 1.19825839466702e-06f;
  for (float a : {2.00018790482477e-13f, -8.60467152213735e-11f, 5.12229709037114e-08f, 1.48572235717979e-05f,
                  6.37261928875436e-04f, 4.89352455891786e-03f})
    p = p * s + a;
  for (float b : {1.18534705686654e-04f, 2.26843463243900e-03f, 4.89352518554385e-03f}) q = q * s + b;
  return x * p / q;
}
inline float sigmoid(float x) { return 0.5f + 0.5f * tanh_(0.5f * x); }

struct Loop {
  int64_t T, B, U, G;
  bool reverse;
  const bool* counts;  // whether a step of a row counts: (T, B), or null

  Loop(const In& R, const In& x, const Mask& mask, bool reverse)
      : T(x.dimensions()[0]), B(x.dimensions()[1]), U(R.dimensions()[0]), G(R.dimensions()[1]), reverse(reverse),
        counts(mask.element_count() ? mask.typed_data() : nullptr) {}
  // An error if the mask has other steps or rows, beyond whose end the loops would read.
  ffi::Error check(const Mask& mask) const {
    if (!counts || (mask.dimensions().size() == 2 && mask.dimensions()[0] == T && mask.dimensions()[1] == B))
      return ffi::Error::Success();
    return ffi::Error(ffi::ErrorCode::kInvalidArgument, "mask: expected the shape (steps, rows) of the input");
  }
  int64_t place(int64_t step) const { return reverse ? T - 1 - step : step; }
  bool idle(int64_t t, int64_t b) const { return counts && !counts[t * B + b]; }
  const float* before(const float* all, const float* first, int64_t step) const {
    return step ? all + place(step - 1) * B * U : first;
  }

  // From the last step to the first: `slope(t, before, b)` sets the row's dz and dh, then dh += dz R^T; dR = Σ h^T dz.
  template <class Slope>
  void back(ffi::ThreadPool& pool, const In& R, const float* h0, const float* hs, const float* dhs, const float* dz,
            float* dh, float* dR, const Slope& slope) const {
    std::vector<float> turned(U * G);
    for (int64_t u = 0; u < U; u++)
      for (int64_t g = 0; g < G; g++) turned[g * U + u] = R.typed_data()[u * G + g];
    share(pool, B, 4, [&](int64_t first, int64_t last) {
      for (int64_t step = T; step-- > 0;) {
        int64_t t = place(step);
        for (int64_t b = first; b < last; b++) {
          for (int64_t u = 0; u < U; u++) dh[b * U + u] += dhs[(t * B + b) * U + u];
          slope(t, step, b);
        }
        product(last - first, U, G, dz + (t * B + first) * G, G, 1, turned.data(), dh + first * U);
      }
    });
    std::memset(dR, 0, U * G * sizeof(float));
    share(pool, U, TALL, [&](int64_t first, int64_t last) {
      for (int64_t step = 0; step < T; step++)
        product(last - first, G, B, before(hs, h0, step) + first, 1, U, dz + place(step) * B * G, dR + first * G);
    });
  }
};

ffi::Error LstmForward(ffi::ThreadPool pool, In x, In R, In h0, In c0, Mask mask, bool reverse, Out hs, Out cs,
                       Out gates) {
  Loop loop(R, x, mask, reverse);
  if (ffi::Error error = loop.check(mask); error.failure()) return error;
  int64_t U = loop.U, G = loop.G;
  if (gates->typed_data() != x.typed_data()) std::memcpy(gates->typed_data(), x.typed_data(), x.size_bytes());
  share(pool, loop.B, 4, [&](int64_t first, int64_t last) {
    for (int64_t step = 0; step < loop.T; step++) {
      int64_t at = loop.place(step) * loop.B;
      const float* h = loop.before(hs->typed_data(), h0.typed_data(), step);
      const float* c = loop.before(cs->typed_data(), c0.typed_data(), step);
      float* z = gates->typed_data() + at * G;
      product(last - first, G, U, h + first * U, U, 1, R.typed_data(), z + first * G);
      for (int64_t b = first; b < last; b++) {
        float *i = z + b * G, *f = i + U, *g = f + U, *o = g + U;
        float *hn = hs->typed_data() + (at + b) * U, *cn = cs->typed_data() + (at + b) * U;
#pragma omp simd
        for (int64_t u = 0; u < U; u++) {
          i[u] = sigmoid(i[u]), f[u] = sigmoid(f[u]), g[u] = tanh_(g[u]), o[u] = sigmoid(o[u]);
          cn[u] = fused(f[u], c[b * U + u], i[u] * g[u]);
          hn[u] = o[u] * tanh_(cn[u]);
        }
        if (loop.idle(loop.place(step), b)) std::copy_n(h + b * U, U, hn), std::copy_n(c + b * U, U, cn);
      }
    }
  });
  return ffi::Error::Success();
}

ffi::Error LstmBackward(ffi::ThreadPool pool, In gates, In R, In h0, In c0, In hs, In cs, Mask mask, In dhs, In dc_last,
                        bool reverse, Out dz, Out dR, Out dh0, Out dc0) {
  Loop loop(R, gates, mask, reverse);
  if (ffi::Error error = loop.check(mask); error.failure()) return error;
  int64_t U = loop.U, G = loop.G;
  std::memset(dh0->typed_data(), 0, dh0->size_bytes());
  std::memcpy(dc0->typed_data(), dc_last.typed_data(), dc0->size_bytes());
  loop.back(pool, R, h0.typed_data(), hs.typed_data(), dhs.typed_data(), dz->typed_data(), dh0->typed_data(),
            dR->typed_data(), [&](int64_t t, int64_t step, int64_t b) {
    const float *i = gates.typed_data() + (t * loop.B + b) * G, *f = i + U, *g = f + U, *o = g + U;
    const float* cn = cs.typed_data() + (t * loop.B + b) * U;
    const float* c = loop.before(cs.typed_data(), c0.typed_data(), step) + b * U;
    float *di = dz->typed_data() + (t * loop.B + b) * G, *df = di + U, *dg = df + U, *d_o = dg + U;
    float *dh = dh0->typed_data() + b * U, *dc = dc0->typed_data() + b * U;
    if (loop.idle(t, b)) return (void)std::fill_n(di, G, 0.0f);
#pragma omp simd
    for (int64_t u = 0; u < U; u++) {
      float shown = tanh_(cn[u]), d = dc[u] + dh[u] * o[u] * (1 - shown * shown);
      di[u] = d * g[u] * i[u] * (1 - i[u]);
      df[u] = d * c[u] * f[u] * (1 - f[u]);
      dg[u] = d * i[u] * (1 - g[u] * g[u]);
      d_o[u] = dh[u] * shown * o[u] * (1 - o[u]);
      dc[u] = d * f[u];
      dh[u] = 0;
    }
  });
  return ffi::Error::Success();
}

// gates (T, B, 4 U): z, r, g and the state's part of g before r
ffi::Error GruForward(ffi::ThreadPool pool, In x, In R, In bias, In h0, Mask mask, bool reverse, Out hs, Out gates) {
  Loop loop(R, x, mask, reverse);
  if (ffi::Error error = loop.check(mask); error.failure()) return error;
  int64_t U = loop.U, G = loop.G;
  share(pool, loop.B, 4, [&](int64_t first, int64_t last) {
    std::vector<float> inner((last - first) * G);
    for (int64_t step = 0; step < loop.T; step++) {
      int64_t at = loop.place(step) * loop.B;
      const float* h = loop.before(hs->typed_data(), h0.typed_data(), step);
      for (int64_t b = 0; b < last - first; b++) std::copy_n(bias.typed_data(), G, &inner[b * G]);
      product(last - first, G, U, h + first * U, U, 1, R.typed_data(), inner.data());
      for (int64_t b = first; b < last; b++) {
        const float *xz = x.typed_data() + (at + b) * G, *y = &inner[(b - first) * G];
        float *z = gates->typed_data() + (at + b) * 4 * U, *r = z + U, *g = r + U, *part = g + U;
        float* hn = hs->typed_data() + (at + b) * U;
#pragma omp simd
        for (int64_t u = 0; u < U; u++) {
          z[u] = sigmoid(xz[u] + y[u]), r[u] = sigmoid(xz[U + u] + y[U + u]), part[u] = y[2 * U + u];
          g[u] = tanh_(xz[2 * U + u] + r[u] * part[u]);
          hn[u] = fused(z[u], h[b * U + u], (1 - z[u]) * g[u]);
        }
        if (loop.idle(loop.place(step), b)) std::copy_n(h + b * U, U, hn);
      }
    }
  });
  return ffi::Error::Success();
}

ffi::Error GruBackward(ffi::ThreadPool pool, In gates, In R, In h0, In hs, Mask mask, In dhs, bool reverse, Out dx,
                       Out dy, Out dR, Out dh0) {
  Loop loop(R, gates, mask, reverse);
  if (ffi::Error error = loop.check(mask); error.failure()) return error;
  int64_t U = loop.U, G = loop.G;
  std::memset(dh0->typed_data(), 0, dh0->size_bytes());
  loop.back(pool, R, h0.typed_data(), hs.typed_data(), dhs.typed_data(), dy->typed_data(), dh0->typed_data(),
            dR->typed_data(), [&](int64_t t, int64_t step, int64_t b) {
    const float *z = gates.typed_data() + (t * loop.B + b) * 4 * U, *r = z + U, *g = r + U, *part = g + U;
    const float* h = loop.before(hs.typed_data(), h0.typed_data(), step) + b * U;
    float *x = dx->typed_data() + (t * loop.B + b) * G, *y = dy->typed_data() + (t * loop.B + b) * G;
    float* dh = dh0->typed_data() + b * U;
    if (loop.idle(t, b)) return std::fill_n(x, G, 0.0f), (void)std::fill_n(y, G, 0.0f);
#pragma omp simd
    for (int64_t u = 0; u < U; u++) {
      float d = dh[u] * (1 - z[u]) * (1 - g[u] * g[u]);
      x[u] = y[u] = dh[u] * (h[u] - g[u]) * z[u] * (1 - z[u]);
      x[U + u] = y[U + u] = d * part[u] * r[u] * (1 - r[u]);
      x[2 * U + u] = d, y[2 * U + u] = d * r[u];
      dh[u] *= z[u];
    }
  });
  return ffi::Error::Success();
}

#define IN .Arg<In>()
#define OUT .Ret<In>()
#define BIND ffi::Ffi::Bind().Ctx<ffi::ThreadPool>()
#define MASK .Arg<Mask>()
#define REVERSE .Attr<bool>("reverse")
XLA_FFI_DEFINE_HANDLER_SYMBOL(gazelle_lstm_forward, LstmForward, BIND IN IN IN IN MASK REVERSE OUT OUT OUT);
XLA_FFI_DEFINE_HANDLER_SYMBOL(gazelle_lstm_backward, LstmBackward,
                              BIND IN IN IN IN IN IN MASK IN IN REVERSE OUT OUT OUT OUT);
XLA_FFI_DEFINE_HANDLER_SYMBOL(gazelle_gru_forward, GruForward, BIND IN IN IN IN MASK REVERSE OUT OUT);
XLA_FFI_DEFINE_HANDLER_SYMBOL(gazelle_gru_backward, GruBackward, BIND IN IN IN IN MASK IN REVERSE OUT OUT OUT OUT);

// The processor that this file was compiled for; the package does not use the library on another one.
extern "C" const char* gazelle_processor() { return GAZELLE_PROCESSOR; }
