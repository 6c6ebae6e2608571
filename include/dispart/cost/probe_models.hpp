#pragma once
/// \file
/// Models made to be measured: between them they have layers of every family in the sizes that real nets have.

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/zoo/net.hpp"

namespace dispart {

namespace detail {

using ints = std::vector<std::int64_t>;

/// Writes chains of layers, each from an input of its own to a small output.
class probe_writer {
  public:
    explicit probe_writer(const std::string& name) : net_(name, {}) {}

    tensor_id begin(shape dims) {
        at_ = net_.builder().input(next("in"), std::move(dims));
        return at_;
    }
    /// Sizes of convolutions that follow one another.
    struct conv_size {
        std::int64_t out, kernel = 1, stride = 1, group = 1;
    };
    void convs(const std::vector<conv_size>& sizes) {
        for (const auto& c : sizes)
            at_ = net_.conv(next("conv"), at_, c.out,
                            {.kernel = c.kernel, .stride = c.stride, .pad = c.kernel / 2, .group = c.group});
    }
    /// Convolutions each followed by an activation.
    void activated(const std::vector<conv_size>& sizes, const std::string& op = "Relu") {
        for (const auto& c : sizes) convs({c}), then(op);
    }
    /// Convolutions each followed by x * Sigmoid(x).
    void gated(const std::vector<conv_size>& sizes) {
        for (const auto& c : sizes) {
            convs({c});
            const tensor_id x = at_;
            then("Sigmoid");
            with("Mul", x);
        }
    }
    /// Channels weighed by what two small convolutions make of their means (squeeze and excitation).
    void excited(std::int64_t squeezed) {
        const tensor_id x = at_;
        const std::int64_t channels = net_.builder().dims(x)[1];
        then("GlobalAveragePool");
        gated({{squeezed}});
        convs({{channels}});
        then("Sigmoid");
        with("Mul", x);
    }
    /// A layer of one operand and perhaps constants.
    void then(const std::string& op, attributes attrs = {}, std::vector<tensor_id> constants = {}) {
        std::vector<tensor_id> operands{at_};
        operands.insert(operands.end(), constants.begin(), constants.end());
        at_ = net_.builder().add(op, std::move(operands), {.name = next(op), .attrs = std::move(attrs)});
    }
    void product(std::int64_t columns) {
        const auto depth = net_.builder().dims(at_).back();
        const auto w = net_.weight(next("w"), {depth, columns}, 0.0, 0.05);
        at_ = net_.builder().add("MatMul", {at_, w}, {.name = next("product")});
    }
    /// A fully connected layer.
    void gemm(std::int64_t columns) {
        const auto depth = net_.builder().dims(at_).back();
        const auto w = net_.weight(next("w"), {columns, depth}, 0.0, 0.05),
                   b = net_.weight(next("b"), {columns}, 0.0, 0.05);
        at_ = net_.builder().add("Gemm", {at_, w, b},
                                 {.name = next("gemm"), .attrs = {{"transB", std::int64_t{1}}}});
    }
    void with(const std::string& op, tensor_id other, attributes attrs = {}) {
        at_ = net_.builder().add(op, {at_, other}, {.name = next(op), .attrs = std::move(attrs)});
    }
    [[nodiscard]] tensor_id here() const { return at_; }
    [[nodiscard]] tensor_id integers(std::vector<std::int64_t> values) {
        const shape dims{static_cast<std::int64_t>(values.size())};
        return net_.builder().constant(next("ints"), tensor::of<std::int64_t>(dims, values));
    }
    [[nodiscard]] tensor_id constant(const std::vector<float>& values) {
        const shape dims{static_cast<std::int64_t>(values.size())};
        return net_.builder().constant(next("values"), tensor::of<float>(dims, values));
    }
    /// Random floats.
    [[nodiscard]] tensor_id floats(shape dims, double mean = 0.0) {
        return net_.weight(next("floats"), std::move(dims), mean, 0.1);
    }

    /// Ends a chain of images: the mean over each channel is its output.
    void end_image() {
        then("GlobalAveragePool");
        end();
    }
    void end() { net_.builder().output(at_); }
    [[nodiscard]] result<model> build() { return std::move(net_.builder()).build(); }

  private:
    std::string next(const std::string& stem) { return stem + "_" + std::to_string(count_++); }

    zoo::net net_;
    tensor_id at_ = no_id;
    std::size_t count_ = 0;
};

inline result<model> probe_convolutions() {
    probe_writer w("probe_convolutions");
    w.begin({1, 3, 224, 224});
    w.activated({{64, 7, 2}});
    w.then("MaxPool", {{"kernel_shape", ints{3, 3}}, {"strides", ints{2, 2}}, {"pads", ints{1, 1, 1, 1}}});
    w.activated({{64}, {64, 3}, {256}, {64}, {128, 3, 2}, {512}, {128}, {128, 3}});
    w.end_image();
    w.begin({1, 3, 160, 160});
    w.activated({{32, 3, 2}, {32, 3}, {64, 3}});
    w.then("MaxPool", {{"kernel_shape", ints{2, 2}}, {"strides", ints{2, 2}}});
    w.activated({{128, 3}, {128, 3, 2}, {256, 3}, {256, 3}, {512, 3, 2}, {512, 3}, {1024}, {256}, {2048}});
    w.then("AveragePool", {{"kernel_shape", ints{2, 2}}, {"strides", ints{2, 2}}});
    w.activated({{512}, {512, 3}, {2048}});
    w.end_image();
    w.begin({1, 128, 28, 28});
    w.activated({{32}, {64, 5}, {16}, {64}, {16}, {64, 3}, {48}, {96, 3}, {24}, {24, 3}});
    w.end_image();
    w.begin({1, 1, 64, 64});
    w.activated({{16, 5}, {32, 5}});
    w.end_image();
    return w.build();
}

inline result<model> probe_mobile() {
    probe_writer w("probe_mobile");
    w.begin({1, 3, 224, 224});
    w.activated({{32, 3, 2}, {32, 3, 1, 32}}, "Clip");
    w.convs({{16}});
    w.activated({{96}, {96, 3, 2, 96}}, "Clip");
    w.convs({{24}});
    w.activated({{144}, {144, 3, 1, 144}}, "Clip");
    const auto short_cut = [&](std::int64_t out, std::int64_t wide, std::int64_t kernel) {
        const tensor_id from = w.here();
        w.activated({{wide}, {wide, kernel, 1, wide}}, "Clip");
        w.convs({{out}});
        w.with("Add", from);
    };
    w.convs({{24}});
    short_cut(24, 144, 3);
    w.activated({{144}, {144, 3, 2, 144}}, "Clip");
    w.convs({{32}});
    short_cut(32, 192, 5);
    w.activated({{192}, {192, 3, 2, 192}}, "Clip");
    w.convs({{64}});
    short_cut(64, 384, 3);
    short_cut(64, 384, 3);
    w.activated({{384}, {384, 3, 2, 384}}, "Clip");
    w.convs({{160}});
    short_cut(160, 960, 3);
    w.activated({{1280}}, "Clip");
    w.end_image();
    w.begin({1, 16, 112, 112});
    for (const auto& [wide, kernel, stride, squeezed] : {std::array<std::int64_t, 4>{32, 3, 2, 8},
                                                         {96, 3, 2, 4},
                                                         {240, 5, 1, 10},
                                                         {480, 3, 2, 20},
                                                         {672, 5, 1, 28},
                                                         {1152, 5, 2, 48}}) {
        w.gated({{wide}, {wide, kernel, stride, wide}});
        w.excited(squeezed);
        w.convs({{wide / 6}});
    }
    w.end_image();
    w.begin({1, 240, 28, 28});
    w.activated({{240, 1, 1, 3}, {240, 3, 1, 240}, {240, 1, 1, 3}, {256, 1, 1, 8}, {256, 3, 1, 32}});
    w.end_image();
    return w.build();
}

/// Layers that are not done in the same pass as another one, and gates, concatenations and the like.
inline result<model> probe_glue() {
    probe_writer w("probe_glue");
    for (const auto& [channels, size] :
         {std::pair<std::int64_t, std::int64_t>{32, 56}, {128, 28}, {256, 14}, {64, 112}}) {
        w.begin({1, channels, size, size});
        w.convs({{channels}});
        const tensor_id a = w.here();
        w.convs({{channels}});
        const tensor_id b = w.here();
        w.with("Concat", a, {{"axis", std::int64_t{1}}});
        w.then("Relu");
        w.convs({{channels}});
        w.with("Mul", b);
        w.with("Concat", a, {{"axis", std::int64_t{1}}});
        w.then("BatchNormalization", {},
               {w.floats({2 * channels}, 1.0), w.floats({2 * channels}), w.floats({2 * channels}),
                w.floats({2 * channels}, 1.0)});
        w.then("Relu");
        w.then("AveragePool", {{"kernel_shape", ints{2, 2}}, {"strides", ints{2, 2}}});
        w.convs({{channels}});
        w.then("Sigmoid");
        w.with("Concat", w.here(), {{"axis", std::int64_t{1}}});
        w.then("Sigmoid");
        w.end_image();
    }
    w.begin({1, 64, 28, 28});
    w.convs({{64}});
    w.then("Resize", {}, {no_id, w.constant({1.0F, 1.0F, 2.0F, 2.0F})});
    w.convs({{64}});
    w.then("LRN", {{"size", std::int64_t{5}}});
    w.convs({{64}});
    w.end_image();
    return w.build();
}

/// Parts of transformers and fully connected layers.
inline result<model> probe_products() {
    probe_writer w("probe_products");
    for (const std::int64_t tokens : {32, 128}) {
        for (const std::int64_t width : {256, 768}) {
            w.begin({1, tokens, width});
            w.product(width);
            w.then("LayerNormalization", {{"axis", std::int64_t{-1}}},
                   {w.floats({width}, 1.0), w.floats({width})});
            w.product(width);
            w.then("Reshape", {}, {w.integers({1, tokens, width / 64, 64})});
            w.then("Transpose", {{"perm", ints{0, 2, 1, 3}}});
            const tensor_id query = w.here();
            w.then("Transpose", {{"perm", ints{0, 1, 3, 2}}});
            const tensor_id key = w.here();
            w.then("Transpose", {{"perm", ints{0, 1, 3, 2}}});
            w.with("MatMul", key);
            w.then("Softmax", {{"axis", std::int64_t{-1}}});
            w.with("MatMul", query);
            w.then("Transpose", {{"perm", ints{0, 2, 1, 3}}});
            w.then("Reshape", {}, {w.integers({1, tokens, width})});
            w.product(2 * width);
            w.then("Erf");
            w.then("Tanh");
            w.product(width);
            w.then("ReduceMean", {{"axes", ints{1}}});
            w.end();
        }
    }
    w.begin({1, 4096});
    w.gemm(1024);
    w.then("Relu");
    w.gemm(4096);
    w.then("Relu");
    w.gemm(512);
    w.gemm(2048);
    w.gemm(1000);
    w.then("Softmax");
    w.end();
    return w.build();
}

}  // namespace detail

/// Seeded models to measure a machine with: convolutions, mobile nets' blocks, the layers between them, and products.
/// Together a run of all takes about as long as one of ResNet-50.
[[nodiscard]] inline result<std::vector<model>> probe_models() {
    std::vector<model> all;
    for (const auto make :
         {detail::probe_convolutions, detail::probe_mobile, detail::probe_glue, detail::probe_products}) {
        DISPART_TRY(auto net, make());
        all.push_back(std::move(net));
    }
    return all;
}

}  // namespace dispart
