#pragma once
/// \file
/// Seeded random weights for a model whose own say little: all equal, or absent.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/zoo/fill.hpp"

namespace dispart {

namespace detail {

/// Uniform numbers of this mean and standard deviation.
struct weight_distribution {
    double mean = 0.0;
    double deviation = 0.1;
};

/// Variance 2 / fan-in keeps the size of activations through a layer followed by a rectifier.
/// Source: He, Zhang, Ren, Sun, "Delving Deep into Rectifiers", ICCV 2015.
[[nodiscard]] inline weight_distribution by_fan_in(double fan_in) {
    return {0.0, std::sqrt(2.0 / (fan_in > 1.0 ? fan_in : 1.0))};
}

[[nodiscard]] inline double extent_from_back(const shape& dims, std::size_t back) {
    return back <= dims.size() ? static_cast<double>(dims[dims.size() - back]) : 1.0;
}

/// Products that each output element of a convolution or matrix product sums up; nothing for other layers.
[[nodiscard]] inline std::optional<double> fan_in_of(const layer& self, std::size_t operand,
                                                     const shape& dims) {
    const double all = static_cast<double>(elements(dims));
    if (dims.empty() || operand > 2) return std::nullopt;
    const bool transposed = get_or<std::int64_t>(self.attrs, "transB", 0) != 0;
    if (self.op == "MatMul") return extent_from_back(dims, operand == 1 && dims.size() > 1 ? 2 : 1);
    if (operand == 1 && self.op == "Conv") return all / static_cast<double>(dims[0]);
    if (operand == 1 && self.op == "ConvTranspose") return all / extent_from_back(dims, dims.size() - 1);
    if (operand == 1 && self.op == "Gemm") return extent_from_back(dims, transposed ? 1 : 2);
    if (operand >= 1 && (self.op == "LSTM" || self.op == "GRU" || self.op == "RNN"))
        return extent_from_back(dims, 1);
    return std::nullopt;
}

/// The four constants of a BatchNormalization. Its scale is below 1, so that sums of residual branches stay bounded.
[[nodiscard]] inline weight_distribution batch_norm_distribution(std::size_t operand) {
    if (operand == 1) return {0.7, 0.1};
    return operand == 4 ? weight_distribution{1.0, 0.1} : weight_distribution{0.0, 0.1};
}

/// How a constant operand is drawn; nothing where it is no weight.
[[nodiscard]] inline std::optional<weight_distribution> distribution_of(const layer& self, std::size_t operand,
                                                                        const shape& dims) {
    if (const auto fan_in = fan_in_of(self, operand, dims)) return by_fan_in(*fan_in);
    const bool linear = self.op == "Conv" || self.op == "ConvTranspose" || self.op == "Gemm";
    const bool recurrent = self.op == "LSTM" || self.op == "GRU" || self.op == "RNN";
    if ((linear && operand == 2) || (recurrent && operand == 3)) return weight_distribution{};
    if (self.op == "BatchNormalization" && operand >= 1) return batch_norm_distribution(operand);
    if (self.op.ends_with("Normalization") && operand >= 1 && operand <= 2)
        return weight_distribution{operand == 1 ? 1.0 : 0.0, 0.1};
    if (self.op == "PRelu" && operand == 1) return weight_distribution{0.25, 0.1};
    if (self.op == "Gather" && operand == 0) return weight_distribution{0.0, 0.5};
    if (elements(dims) <= 1) return std::nullopt;
    if (self.op == "Mul") return weight_distribution{1.0, 0.1};
    if (self.op == "Add" || self.op == "Sub") return weight_distribution{};
    return std::nullopt;
}

}  // namespace detail

/// Which weights are drawn.
enum class which_weights {
    all,
    absent  ///< only those that have no elements
};

/// Gives the f32 constants that are weights (of convolutions, matrix products, normalisations, recurrent layers, PRelu,
/// embeddings, and element-wise scales and offsets of more than one element) random values, scaled by fan-in so that
/// activations stay bounded; other constants stay. The same seed and tensor name give the same values everywhere. Run
/// `simplify` before it, so that weights which the file computes (ConstantOfShape) are constants.
/// Returns how many tensors were drawn. Errors: limit_exceeded (no memory), shape_mismatch (a constant whose shape
/// overflows). O(elements).
template <class Layer, class Tensor>
[[nodiscard]] result<std::size_t> randomize_weights(layer_graph<Layer, Tensor>& g, std::uint64_t seed,
                                                    which_weights which = which_weights::all) {
    std::size_t drawn = 0;
    std::vector<bool> done(info(g).tensors.size(), false);
    for (layer_id v = 0; v < num_vertices(g); ++v)
        for (std::size_t i = 0; i < g[v].inputs.size(); ++i) {
            const auto t = g[v].inputs[i];
            if (t == no_id || done[t]) continue;
            auto& weights = info(g).tensors[t];
            if (!weights.constant || weights.type != dtype::f32 || !weights.dims) continue;
            if (which == which_weights::absent && weights.value.has_value()) continue;
            const auto how = detail::distribution_of(g[v], i, *weights.dims);
            if (!how) continue;
            DISPART_TRY(auto value, tensor::make(dtype::f32, *weights.dims));
            zoo::fill_uniform(value.template data<float>(), zoo::stream_of(seed, weights.name), how->mean,
                              how->deviation);
            weights.value = std::move(value);
            done[t] = true;
            ++drawn;
        }
    return drawn;
}

}  // namespace dispart
