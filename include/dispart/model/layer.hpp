#pragma once
/// \file
/// What a layer graph's vertices and tensors carry by default. Derive from `layer` or `tensor_info` to hang more on them.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/tensor/tensor.hpp"

namespace dispart {

/// Value of an operator's attribute; the alternatives are ONNX's.
using attribute = std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>,
                               std::vector<float>, std::vector<std::string>, tensor>;

/// Attributes by name, in ONNX's spelling ("kernel_shape", "pads", ...), ordered so that iteration is deterministic.
using attributes = std::map<std::string, attribute, std::less<>>;

/// The attribute of that name and type, or the fallback where it is absent or of another type.
template <class T>
[[nodiscard]] T get_or(const attributes& all, std::string_view name, T fallback) {
    const auto found = all.find(name);
    if (found == all.end()) return fallback;
    const auto* value = std::get_if<T>(&found->second);
    return value ? *value : fallback;
}

/// One operator instance. Operator names and semantics are ONNX's (domain ai.onnx) at the graph's opset.
struct layer {
    std::string name{};               ///< unique in its graph
    std::string op{};                 ///< "Conv", "Relu", ...
    std::vector<tensor_id> inputs{};  ///< operands in order, weights included; `no_id` for an absent optional one
    std::vector<tensor_id> outputs{};  ///< results in order; `no_id` for one that nobody asked for
    attributes attrs{};
};

/// One value of the graph: an activation, a graph input, or a constant (weights).
struct tensor_info {
    std::string name{};  ///< unique in its graph
    dtype type = dtype::f32;
    std::optional<shape> dims{};  ///< known after shape inference; symbolic dimensions are bound before that
    bool constant = false;        ///< true for weights and folded values
    tensor value{};  ///< the constant's elements; absent in a graph that only describes (zoo without weights)

    /// Bytes of all elements; 0 while the shape is unknown.
    [[nodiscard]] double size_bytes() const {
        return dims ? static_cast<double>(elements(*dims)) * static_cast<double>(size_of(type)) : 0.0;
    }
};

}  // namespace dispart
