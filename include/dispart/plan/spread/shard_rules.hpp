#pragma once
/// \file
/// How a division along one axis passes through an operator: what shards may compute without asking one another.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dispart/model/graph.hpp"
#include "dispart/model/operators/arithmetic.hpp"
#include "dispart/problem/build_tiles.hpp"

namespace dispart::detail {

/// A constant operand that every shard gets a slice of.
struct sliced_constant {
    std::size_t operand = 0;
    std::size_t axis = 0;
};

/// What a layer makes of operands that are divided along an axis.
struct shard_step {
    bool partial = false;  ///< every shard makes a summand of the whole result
    std::size_t axis = 0;  ///< of the result, where it is divided
    std::vector<sliced_constant> sliced{};
    std::size_t once = no_id;  ///< an operand that the first shard alone gets (the bias of summands)
};

/// Reads shapes of one layer.
struct shard_view {
    const model& g;
    const layer& self;

    [[nodiscard]] bool has(std::size_t i) const { return i < self.inputs.size() && self.inputs[i] != no_id; }
    [[nodiscard]] const tensor_info& about(std::size_t i) const { return info(g).tensors[self.inputs[i]]; }
    [[nodiscard]] bool constant(std::size_t i) const { return has(i) && about(i).constant; }
    [[nodiscard]] const shape& dims(std::size_t i) const { return *about(i).dims; }
    [[nodiscard]] const shape& result() const { return *info(g).tensors[self.outputs[0]].dims; }
    [[nodiscard]] std::int64_t integer(const char* name, std::int64_t otherwise) const {
        return get_or<std::int64_t>(self.attrs, name, otherwise);
    }
};

/// A layer whose operands are whole begins a division: each shard makes some of its channels (features, columns).
[[nodiscard]] inline std::optional<shard_step> begin_shards(const shard_view& v) {
    const auto& op = v.self.op;
    if (!v.constant(1) || v.constant(0) || (v.has(2) && !v.constant(2))) return std::nullopt;
    shard_step step;
    if (op == "Conv" && v.integer("group", 1) == 1) {
        step.axis = 1;
        step.sliced = {{1, 0}};
    } else if (op == "Gemm" && v.integer("transA", 0) == 0) {
        step.axis = 1;
        step.sliced = {{1, v.integer("transB", 0) != 0 ? std::size_t{0} : std::size_t{1}}};
    } else if (op == "MatMul" && v.dims(1).size() == 2 && v.dims(0).size() >= 2) {
        step.axis = v.result().size() - 1;
        step.sliced = {{1, 1}};
    } else {
        return std::nullopt;
    }
    if (v.has(2)) {
        if (v.dims(2).empty() || v.dims(2).back() != v.result()[step.axis]) return std::nullopt;
        step.sliced.push_back({2, v.dims(2).size() - 1});
    }
    return step;
}

/// Element by element: constants along the axis are sliced; other whole operands must not vary along it.
[[nodiscard]] inline std::optional<shard_step> elementwise_step(const shard_view& v, std::size_t axis,
                                                                const std::vector<bool>& divided) {
    if (v.self.inputs.size() > 1 && v.self.attrs.contains("axis")) return std::nullopt;  // before opset 7
    const auto rank = v.result().size();
    shard_step step{.axis = axis};
    for (std::size_t i = 0; i < v.self.inputs.size(); ++i) {
        if (!v.has(i)) continue;
        if (divided[i]) {
            if (v.dims(i).size() != rank) return std::nullopt;
            continue;
        }
        const auto r = v.dims(i).size();
        if (r + axis < rank) continue;  // no such axis: the same for all
        const auto at = axis + r - rank;
        if (v.dims(i)[at] == 1) continue;
        if (!v.constant(i)) return std::nullopt;
        step.sliced.push_back({i, at});
    }
    return step;
}

/// The axis of the result that the divided axis of a reshaped tensor becomes, outermost first.
[[nodiscard]] inline std::optional<std::size_t> reshaped_axis(const shape& from, std::size_t axis,
                                                              const shape& to) {
    std::int64_t before = 1;
    for (std::size_t i = 0; i < axis; ++i) before = times(before, from[i]);
    std::int64_t product = 1;
    for (std::size_t b = 0; b < to.size(); ++b) {
        if (product == before && to[b] > 1) return b;
        product = times(product, to[b]);
    }
    return std::nullopt;
}

[[nodiscard]] inline std::optional<shard_step> conv_step(const shard_view& v, std::size_t axis) {
    if (axis != 1) return std::nullopt;
    if (v.integer("group", 1) == 1) {
        shard_step step{.partial = true, .axis = 1, .sliced = {{1, 1}}};
        if (v.has(2)) step.once = 2;
        return step;
    }
    if (v.integer("group", 1) != v.dims(0)[1] || v.dims(1)[1] != 1) return std::nullopt;
    shard_step step{.axis = 1, .sliced = {{1, 0}}};
    if (v.has(2)) step.sliced.push_back({2, 0});
    return step;
}

[[nodiscard]] inline std::optional<shard_step> product_step(const shard_view& v, std::size_t axis,
                                                            const std::vector<bool>& divided) {
    if (v.self.op == "Gemm") {
        if (!divided[0] || axis != 1 || !v.constant(1) || v.integer("transA", 0) != 0) return std::nullopt;
        shard_step step{.partial = true, .axis = 1};
        step.sliced = {{1, v.integer("transB", 0) != 0 ? std::size_t{1} : std::size_t{0}}};
        if (v.has(2)) step.once = 2;
        return step;
    }
    const auto rank = v.dims(0).size();
    if (divided[0] && divided[1])
        return rank == v.dims(1).size() && axis + 2 < rank ? std::optional(shard_step{.axis = axis})
                                                           : std::nullopt;
    if (!divided[0] || !v.constant(1) || v.dims(1).size() != 2) return std::nullopt;
    if (axis + 1 == rank) return shard_step{.partial = true, .axis = axis, .sliced = {{1, 0}}};
    return shard_step{.axis = axis};
}

/// A layer some of whose operands are divided along `axis`, all at the same places. \param divided [operand]
/// \return nothing where shards cannot go on alone
[[nodiscard]] inline std::optional<shard_step> continue_shards(const shard_view& v, std::size_t axis,
                                                               const std::vector<bool>& divided) {
    const auto& op = v.self.op;
    for (std::size_t i = 1; i < v.self.outputs.size(); ++i)
        if (v.self.outputs[i] != no_id) return std::nullopt;
    if (op == "Conv") return conv_step(v, axis);
    if (op == "Gemm" || op == "MatMul") return product_step(v, axis, divided);
    if (op == "BatchNormalization")
        return axis == 1 ? std::optional(shard_step{.axis = 1, .sliced = {{1, 0}, {2, 0}, {3, 0}, {4, 0}}})
                         : std::nullopt;
    if (op == "MaxPool" || op == "AveragePool" || op == "GlobalAveragePool" || op == "GlobalMaxPool")
        return axis == 1 ? std::optional(shard_step{.axis = 1}) : std::nullopt;
    if (op == "Softmax") {
        const bool flat = info(v.g).opset < 13;  // then over all axes from that one on
        const auto along = normal_axis(v.integer("axis", flat ? 1 : -1), v.dims(0).size());
        const bool apart = along && (flat ? axis < *along : axis != *along);
        return apart ? std::optional(shard_step{.axis = axis}) : std::nullopt;
    }
    if (op == "Transpose") {
        const auto found = v.self.attrs.find("perm");
        if (found == v.self.attrs.end()) return std::nullopt;
        const auto* perm = std::get_if<std::vector<std::int64_t>>(&found->second);
        for (std::size_t i = 0; perm != nullptr && i < perm->size(); ++i)
            if (static_cast<std::size_t>((*perm)[i]) == axis) return shard_step{.axis = i};
        return std::nullopt;
    }
    if (op == "Flatten" || op == "Reshape") {
        if (op == "Reshape" && (!v.constant(1) || !v.about(1).value.has_value())) return std::nullopt;
        const auto at = reshaped_axis(v.dims(0), axis, v.result());
        if (!at || (op == "Flatten" && *at != 1)) return std::nullopt;
        return shard_step{.axis = *at};
    }
    return is_elementwise(op) ? elementwise_step(v, axis, divided) : std::nullopt;
}

}  // namespace dispart::detail
