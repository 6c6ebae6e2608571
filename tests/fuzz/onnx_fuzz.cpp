// Any bytes as an ONNX file: an error, or a valid model that our own file gives back.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "dispart/io/onnx/read.hpp"
#include "dispart/io/onnx/write.hpp"
#include "dispart/run/kernels/evaluate.hpp"

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace dispart;
    const io::onnx_options options{
        .evaluator = kernels::evaluate_layer,
        .bounds = {.max_value_bytes = 1 << 20, .max_total_bytes = 1 << 24, .max_flops = 1e7}};
    const auto m = io::read_onnx(std::as_bytes(std::span(data, size)), options);
    if (!m) {
        require(!m.error().message.empty());
        return 0;
    }
    require(validate(*m).has_value());
    const auto written = io::write_onnx(*m, {.weightless = true});
    require(written.has_value());
    const auto back = io::read_onnx(*written, {.simplify = false, .infer = false});
    require(back.has_value());
    require(num_vertices(*back) == num_vertices(*m) && num_edges(*back) == num_edges(*m));
    return 0;
}
