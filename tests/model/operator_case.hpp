#pragma once
/// \file
/// Infers one operator from written-down operands, for tables of cases.

#include <optional>
#include <string>
#include <vector>

#include "dispart/model/operators.hpp"

namespace dispart::test {

using ints = std::vector<std::int64_t>;

/// An activation of that shape.
inline std::optional<tensor_info> data(shape dims, dtype type = dtype::f32) {
    return tensor_info{.name = "data", .type = type, .dims = std::move(dims)};
}

/// A constant.
inline std::optional<tensor_info> constant(tensor value) {
    return tensor_info{
        .name = "constant", .type = value.type(), .dims = value.dims(), .constant = true, .value = value};
}
inline std::optional<tensor_info> list(const ints& values) {
    return constant(tensor::of({static_cast<std::int64_t>(values.size())}, values));
}
inline std::optional<tensor_info> scales(const std::vector<float>& values) {
    return constant(tensor::of({static_cast<std::int64_t>(values.size())}, values));
}
inline std::optional<tensor_info> number(std::int64_t value) { return constant(tensor::of({}, ints{value})); }
inline const std::optional<tensor_info> absent{};

struct op_case {
    std::string op{};
    std::vector<std::optional<tensor_info>> operands{};
    attributes attrs{};
    std::int64_t opset = 17;
    std::size_t outputs = 1;
};

inline layer layer_of(const op_case& c) {
    layer self{.name = "the_layer", .op = c.op, .attrs = c.attrs};
    for (std::size_t i = 0; i < c.operands.size(); ++i) self.inputs.push_back(c.operands[i] ? i : no_id);
    for (std::size_t i = 0; i < c.outputs; ++i) self.outputs.push_back(c.operands.size() + i);
    return self;
}

inline result<std::vector<inferred>> infer(const op_case& c) {
    const auto self = layer_of(c);
    std::vector<const tensor_info*> operands;
    for (const auto& each : c.operands) operands.push_back(each ? &*each : nullptr);
    return infer_layer({self, operands, {}, c.opset});
}

/// Operations of the case, whose shapes must be inferable.
inline double flops_of(const op_case& c) {
    const auto self = layer_of(c);
    std::vector<const tensor_info*> operands, results;
    for (const auto& each : c.operands) operands.push_back(each ? &*each : nullptr);
    const auto found = infer_layer({self, operands, {}, c.opset});
    if (!found) return -1.0;
    std::vector<tensor_info> described;
    for (const auto& each : *found)
        described.push_back({.name = "result", .type = each.type, .dims = each.dims});
    for (std::size_t i = 0; i < c.outputs; ++i) results.push_back(&described[i]);
    return layer_flops({self, operands, results, c.opset}).value;
}

/// Shape of the first result, or the error's code and text.
inline std::string shape_of(const op_case& c) {
    const auto found = infer(c);
    return found ? to_string(found->front().dims) : to_string(found.error());
}

/// The error's code, or nothing where inference succeeds; errors must name the layer.
inline std::optional<errc> error_of(const op_case& c) {
    const auto found = infer(c);
    if (found) return std::nullopt;
    return found.error().offender == "the_layer" ? std::optional(found.error().code) : std::nullopt;
}

}  // namespace dispart::test
