// Convolutions and their gradients by oneDNN, for XLA on a CPU. Arrays are (batch, *space, channels), kernels
// (*window, in / groups, out). The batch is divided among the threads of XLA, and each of them calls oneDNN without
// threads of its own: a second set of threads would wait, spinning, while XLA computes. oneDNN computes a sample with
// the same bits in any batch; the gradient for a kernel is a sum over the batch, in parts that the layer determines.
#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "oneapi/dnnl/dnnl.hpp"
#include "share.h"

using dnnl::memory;
using Dims = memory::dims;
using Sizes = ffi::Span<const int64_t>;
enum Kind : int64_t { FORWARD, INPUT, KERNEL };  // the result: y, the gradient for x, the gradient for the kernel

const dnnl::engine& engine() {
  static const auto* cpu = new dnnl::engine(dnnl::engine::kind::cpu, 0);  // kept: threads may compute during exit
  return *cpu;
}

// One OpenMP thread for the calls of oneDNN in this scope. The number belongs to the calling thread.
class OneThread {
  using Get = int (*)();
  using Set = void (*)(int);
  static void* find(const char* name) {
    static void* library = dlopen("libgomp.so.1", RTLD_NOW | RTLD_NOLOAD);
    return library ? dlsym(library, name) : nullptr;
  }
  int before = 1;

 public:
  static Get get() { static Get f = (Get)find("omp_get_max_threads"); return f; }
  static Set set() { static Set f = (Set)find("omp_set_num_threads"); return f; }
  OneThread() { before = get()(), set()(1); }
  ~OneThread() { set()(before); }
};

// Memory that a thread keeps: the kernel in the layout of oneDNN, and oneDNN's own.
char* kept(size_t bytes) {
  struct Block {
    char* data = nullptr;
    size_t size = 0;
    ~Block() { std::free(data); }
  };
  thread_local Block block;
  if (block.size < bytes) {
    std::free(block.data);
    block.size = (bytes + 63) / 64 * 64;
    block.data = (char*)std::aligned_alloc(64, block.size);
  }
  return block.data;
}

struct Layer {
  Kind kind;
  Dims x, kernel, y, strides, low, high, dilations;  // shapes as in XLA; dilations as in oneDNN: one less
  int64_t groups;

  // Parts of the batch whose sums for the kernel are added up. They must not depend on the number of threads, as the bits
  // would, too; each is so long that adding up the weights costs about a fiftieth of it, or there are two.
  int64_t sums() const {
    int64_t places = 1, weights = 1, parts = std::min<int64_t>(x[0], 2);
    for (size_t i = 0; i + 1 < y.size(); i++) places *= y[i];
    for (int64_t size : kernel) weights *= size;
    while (parts < 16 && 2 * parts <= x[0] && places >= 2048 * parts && places * weights >= (parts << 26)) parts *= 2;
    return parts;
  }

  bool operator<(const Layer& o) const {
    return std::tie(kind, x, kernel, y, strides, low, high, dilations, groups) <
           std::tie(o.kind, o.x, o.kernel, o.y, o.strides, o.low, o.high, o.dilations, o.groups);
  }

  // Channels last: oneDNN's order of axes is (batch, channels, *space), with any strides.
  static memory::desc array(const Dims& shape) {
    Dims dims{shape[0], shape.back()}, strides{1, 1};
    dims.insert(dims.end(), shape.begin() + 1, shape.end() - 1);
    strides.resize(dims.size());
    int64_t stride = shape.back();
    for (size_t i = dims.size(); i-- > 2; stride *= dims[i]) strides[i] = stride;
    strides[0] = stride;
    return {dims, memory::data_type::f32, strides};
  }

  // oneDNN's order of axes is ([groups,] out, in, *window).
  memory::desc weights(bool chosen_by_onednn) const {
    int64_t out = kernel.back(), in = kernel[kernel.size() - 2], stride = in * out;
    Dims dims{out / groups, in}, strides{1, out};
    dims.insert(dims.end(), kernel.begin(), kernel.end() - 2);
    strides.resize(dims.size());
    for (size_t i = dims.size(); i-- > 2; stride *= dims[i]) strides[i] = stride;
    if (groups > 1) dims.insert(dims.begin(), groups), strides.insert(strides.begin(), out / groups);
    if (chosen_by_onednn) return {dims, memory::data_type::f32, memory::format_tag::any};
    return {dims, memory::data_type::f32, strides};
  }
};

// What oneDNN compiles for a layer and a part of the batch.
class Plan {
  Kind kind;
  memory::desc x, y, given, chosen, scratch;
  dnnl::primitive convolution, reorder;

  template <class Description>
  void keep(const Description& description) {
    chosen = kind == KERNEL ? description.diff_weights_desc() : description.weights_desc();
    scratch = description.scratchpad_desc();
    convolution = dnnl::primitive(description);
    if (chosen == given) return;
    memory from(kind == KERNEL ? chosen : given, engine(), nullptr), to(kind == KERNEL ? given : chosen, engine(), nullptr);
    reorder = dnnl::reorder(from, to);
  }

 public:
  explicit Plan(const Layer& l) : kind(l.kind), x(Layer::array(l.x)), y(Layer::array(l.y)), given(l.weights(false)) {
    auto direct = dnnl::algorithm::convolution_direct;
    auto any = l.weights(true);
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    dnnl::convolution_forward::primitive_desc forward(engine(), dnnl::prop_kind::forward_training, direct, x, any, y,
                                                      l.strides, l.dilations, l.low, l.high, attributes);
    if (kind == FORWARD) keep(forward);
    if (kind == INPUT)
      keep(dnnl::convolution_backward_data::primitive_desc(engine(), direct, x, any, y, l.strides, l.dilations, l.low,
                                                           l.high, forward, attributes));
    if (kind == KERNEL)
      keep(dnnl::convolution_backward_weights::primitive_desc(engine(), direct, x, any, y, l.strides, l.dilations,
                                                              l.low, l.high, forward, attributes));
  }

  void run(float* x_data, float* kernel_data, float* y_data) const {
    thread_local dnnl::stream stream(engine());
    size_t own = reorder ? (chosen.get_size() + 63) / 64 * 64 : 0;
    char* block = kept(own + scratch.get_size());
    memory X(x, engine(), x_data), Y(y, engine(), y_data), user(given, engine(), kernel_data);
    memory K(chosen, engine(), reorder ? (void*)block : (void*)kernel_data);
    memory S(scratch, engine(), block + own);
    if (reorder && kind != KERNEL) reorder.execute(stream, {{DNNL_ARG_FROM, user}, {DNNL_ARG_TO, K}});
    std::unordered_map<int, memory> with{{DNNL_ARG_SCRATCHPAD, S}};
    if (kind == INPUT) with.insert({DNNL_ARG_DIFF_SRC, X}); else with.insert({DNNL_ARG_SRC, X});
    if (kind == FORWARD) with.insert({DNNL_ARG_DST, Y}); else with.insert({DNNL_ARG_DIFF_DST, Y});
    if (kind == KERNEL) with.insert({DNNL_ARG_DIFF_WEIGHTS, K}); else with.insert({DNNL_ARG_WEIGHTS, K});
    convolution.execute(stream, with);
    if (reorder && kind == KERNEL) reorder.execute(stream, {{DNNL_ARG_FROM, K}, {DNNL_ARG_TO, user}});
    stream.wait();
  }
};

// Made once for each shape of a process, with one thread: plans for several threads would have other results.
const Plan& plan(const Layer& layer) {
  static auto& mutex = *new std::mutex;
  static auto& plans = *new std::map<Layer, Plan>;
  std::lock_guard<std::mutex> lock(mutex);
  auto found = plans.find(layer);
  return (found != plans.end() ? found : plans.emplace(layer, Plan(layer)).first)->second;
}

ffi::Error Convolution(ffi::ThreadPool pool, In left, In right, Out result, int64_t kind, Sizes strides, Sizes low,
                       Sizes high, Sizes dilations, int64_t groups) {
  if (!OneThread::get() || !OneThread::set()) return ffi::Error::Internal("oneDNN runs without libgomp.so.1");
  In &x = kind == INPUT ? *result : left, &y = kind == FORWARD ? *result : kind == INPUT ? left : right;
  In& kernel = kind == KERNEL ? *result : right;
  auto dims = [](Sizes s) { return Dims(s.begin(), s.end()); };
  Layer layer{(Kind)kind, dims(x.dimensions()), dims(kernel.dimensions()), dims(y.dimensions()), dims(strides),
              dims(low),  dims(high),           dims(dilations),           groups};
  int64_t n = layer.x[0], x_size = x.element_count() / n, y_size = y.element_count() / n;
  int64_t parts = kind == KERNEL ? layer.sums() : std::min<int64_t>(pool.num_threads(), n);
  int64_t weights = kernel.element_count();
  std::unique_ptr<float[]> sums(new float[kind == KERNEL ? (parts - 1) * weights : 0]);
  std::mutex mutex;
  std::string failed;
  share(pool, parts, 1, [&](int64_t first, int64_t last) {
    OneThread one;
    for (int64_t part = first; part < last; part++) try {
        int64_t begin = n * part / parts, end = n * (part + 1) / parts;
        Layer own = layer;
        own.x[0] = own.y[0] = end - begin;
        float* k = kind == KERNEL && part ? sums.get() + (part - 1) * weights : kernel.typed_data();
        plan(own).run(x.typed_data() + begin * x_size, k, y.typed_data() + begin * y_size);
      } catch (const std::exception& error) {
        std::lock_guard<std::mutex> lock(mutex);
        failed = error.what();
      }
  });
  if (!failed.empty()) return ffi::Error::Internal("oneDNN: " + failed);
  if (kind == KERNEL)
    share(pool, weights, 1 << 14, [&](int64_t first, int64_t last) {
      for (int64_t part = 0; part + 1 < parts; part++)
        for (int64_t i = first; i < last; i++) kernel.typed_data()[i] += sums[part * weights + i];
    });
  return ffi::Error::Success();
}

XLA_FFI_DEFINE_HANDLER_SYMBOL(gazelle_convolution, Convolution,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<In>()
                                  .Arg<In>()
                                  .Ret<In>()
                                  .Attr<int64_t>("kind")
                                  .Attr<Sizes>("strides")
                                  .Attr<Sizes>("low")
                                  .Attr<Sizes>("high")
                                  .Attr<Sizes>("dilations")
                                  .Attr<int64_t>("groups"));
