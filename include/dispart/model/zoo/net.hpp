#pragma once
/// \file
/// What the zoo's networks are written with: a model builder that makes seeded weights for the layers it adds.

#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/model/builder.hpp"
#include "dispart/model/zoo/fill.hpp"

namespace dispart::zoo {

/// How to make a network.
struct options {
    std::uint64_t seed = 1;     ///< of the weights
    bool weights = true;        ///< false: weights are described only, which is enough to plan with
    std::int64_t batch = 1;     ///< leading extent of the inputs
    std::int64_t image = 0;     ///< height and width of image inputs; 0: the network's own
    std::int64_t sequence = 0;  ///< length of sequence inputs; 0: the network's own
};

/// Errors: invalid_argument unless batch is 1..65536 and the extents are 0..65536.
[[nodiscard]] inline result<void> check(const options& o) {
    constexpr std::int64_t most = 65536;
    if (o.batch < 1 || o.batch > most)
        return fail(errc::invalid_argument, "batch", "not between 1 and 65536");
    if (o.image < 0 || o.image > most)
        return fail(errc::invalid_argument, "image", "not between 0 and 65536");
    if (o.sequence < 0 || o.sequence > most)
        return fail(errc::invalid_argument, "sequence", "not between 0 and 65536");
    return {};
}

/// Sizes of a convolution; one number stands for both axes.
struct conv_options {
    std::int64_t kernel = 1;
    std::int64_t stride = 1;
    std::int64_t pad = 0;
    std::int64_t group = 1;
    bool bias = true;
    double gain = 2.0;  ///< variance of a weight times fan-in: 2 keeps ReLU activations level
    std::array<std::int64_t, 2> kernel_hw{0, 0};  ///< instead of `kernel`, where height and width differ
};

/// Adds layers with their weights. Every method takes the layer's name, which its weights' names begin with, and returns
/// the result. Weights have mean 0 and the variance that keeps activations of order 1.
class net {
  public:
    net(std::string name, const options& o, std::int64_t opset = 17)
        : builder_(std::move(name), opset)
        , options_(o) {}

    [[nodiscard]] model_builder& builder() noexcept { return builder_; }
    [[nodiscard]] const options& settings() const noexcept { return options_; }
    [[nodiscard]] std::int64_t channels(tensor_id t) const { return extent(t, 1); }
    [[nodiscard]] std::int64_t extent(tensor_id t, std::size_t axis) const {
        const auto dims = builder_.dims(t);
        return axis < dims.size() ? dims[axis] : 1;
    }

    /// An image [batch, channels, size, size]; `options.image` stands before `size`.
    tensor_id image(std::int64_t channels, std::int64_t size) {
        const auto side = options_.image > 0 ? options_.image : size;
        return builder_.input("image", {options_.batch, channels, side, side});
    }

    /// A weight of the given mean and standard deviation.
    tensor_id weight(const std::string& name, shape dims, double mean, double deviation) {
        constexpr std::int64_t most = std::int64_t{1} << 29;
        const auto count = checked_elements(dims);
        if (!options_.weights || !count || *count > most) return builder_.weight(name, std::move(dims));
        auto value = tensor::make(dtype::f32, dims);
        if (!value) return builder_.weight(name, std::move(dims));
        fill_uniform(value->data<float>(), stream_of(options_.seed, name), mean, deviation);
        return builder_.constant(name, std::move(*value));
    }

    tensor_id conv(const std::string& name, tensor_id x, std::int64_t out, const conv_options& c) {
        const auto kh = c.kernel_hw[0] > 0 ? c.kernel_hw[0] : c.kernel;
        const auto kw = c.kernel_hw[1] > 0 ? c.kernel_hw[1] : c.kernel;
        // A kernel that is longer in one direction keeps its extent there: pad is for the square case.
        const auto ph = c.kernel_hw[0] > 0 ? kh / 2 : c.pad;
        const auto pw = c.kernel_hw[1] > 0 ? kw / 2 : c.pad;
        const auto fan_in = static_cast<double>(channels(x) / c.group * kh * kw);
        std::vector<tensor_id> operands{x, weight(name + ".weight", {out, channels(x) / c.group, kh, kw}, 0.0,
                                                  std::sqrt(c.gain / fan_in))};
        if (c.bias) operands.push_back(weight(name + ".bias", {out}, 0.0, 0.1));
        attributes attrs{{"kernel_shape", ints{kh, kw}},
                         {"pads", ints{ph, pw, ph, pw}},
                         {"strides", ints{c.stride, c.stride}},
                         {"dilations", ints{1, 1}},
                         {"group", c.group}};
        return builder_.add("Conv", std::move(operands), {.name = name, .attrs = std::move(attrs)});
    }

    /// Statistics and scale are random around those of a normalised channel; `scale` is the mean of the scale.
    tensor_id batch_norm(const std::string& name, tensor_id x, double scale = 1.0) {
        const shape dims{channels(x)};
        return builder_.add("BatchNormalization",
                            {x, weight(name + ".scale", dims, scale, 0.2 * scale),
                             weight(name + ".bias", dims, 0.0, 0.2), weight(name + ".mean", dims, 0.0, 0.2),
                             weight(name + ".var", dims, 1.0, 0.2)},
                            {.name = name});
    }

    /// x * W^T + b for x [rows, in].
    tensor_id dense(const std::string& name, tensor_id x, std::int64_t out, double gain = 2.0) {
        const auto in = extent(x, 1);
        return builder_.add(
            "Gemm",
            {x, weight(name + ".weight", {out, in}, 0.0, std::sqrt(gain / static_cast<double>(in))),
             weight(name + ".bias", {out}, 0.0, 0.1)},
            {.name = name, .attrs = {{"transB", std::int64_t{1}}}});
    }

    /// Any operator of one operand.
    tensor_id unary(const std::string& op, const std::string& name, tensor_id x, attributes attrs = {}) {
        return builder_.add(op, {x}, {.name = name, .attrs = std::move(attrs)});
    }
    tensor_id relu(const std::string& name, tensor_id x) { return unary("Relu", name, x); }

    /// Any operator of two operands.
    tensor_id binary(const std::string& op, const std::string& name, tensor_id a, tensor_id b) {
        return builder_.add(op, {a, b}, {.name = name});
    }

    tensor_id concat(const std::string& name, std::vector<tensor_id> parts, std::int64_t axis = 1) {
        return builder_.add("Concat", std::move(parts), {.name = name, .attrs = {{"axis", axis}}});
    }

    /// MaxPool or AveragePool with square windows.
    tensor_id pool(const std::string& op, const std::string& name, tensor_id x, std::int64_t kernel,
                   std::int64_t stride, std::int64_t pad = 0, bool ceil = false) {
        attributes attrs{{"kernel_shape", ints{kernel, kernel}},
                         {"strides", ints{stride, stride}},
                         {"pads", ints{pad, pad, pad, pad}}};
        if (ceil) attrs["ceil_mode"] = std::int64_t{1};
        if (op == "AveragePool" && pad > 0) attrs["count_include_pad"] = std::int64_t{1};
        return unary(op, name, x, std::move(attrs));
    }

    /// Mean over each channel's image, as [batch, channels].
    tensor_id global_average(const std::string& name, tensor_id x) {
        return unary("Flatten", name + ".flat", unary("GlobalAveragePool", name, x));
    }

    /// The finished model with that one output.
    [[nodiscard]] result<model> finish(tensor_id out, const std::string& name) {
        builder_.output(out, name);
        return std::move(builder_).build();
    }

  private:
    using ints = std::vector<std::int64_t>;

    model_builder builder_;
    options options_;
};

}  // namespace dispart::zoo
