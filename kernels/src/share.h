// Work of a kernel that is divided among the threads of XLA.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;
using In = ffi::Buffer<ffi::F32>;
using Out = ffi::Result<In>;
using Work = std::function<void(int64_t, int64_t)>;

// work(first, last) on parts of [0, n). The caller takes parts as the others do: a busy pool delays, it never blocks.
inline void share(ffi::ThreadPool& pool, int64_t n, int64_t least, const Work& work) {
  struct Job {
    Work work;
    int64_t n, parts;
    std::atomic<int64_t> next{0}, done{0};
    void take() {
      for (int64_t i; (i = next++) < parts; done++) work(n * i / parts, n * (i + 1) / parts);
    }
  };
  auto job = std::make_shared<Job>();
  job->work = work, job->n = n, job->parts = std::max<int64_t>(1, std::min<int64_t>(pool.num_threads(), n / least));
  for (int64_t i = 1; i < job->parts; i++) pool.Schedule([job]() mutable { job->take(); });
  job->take();
  while (job->done < job->parts) std::this_thread::yield();
}
